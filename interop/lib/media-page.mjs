// Runs in a page: a peer connection that sends a picture with a counter in it and a tone, or shows what it receives. Given to
// the browser as text: it may use nothing outside itself.

/** Bits of the frame counter, drawn as black and white squares in one row. */
export const COUNTER_BITS = 10;

export function install(bits) {
  const SIZE = 32;
  let pc;
  let candidates = [];
  const received = {};
  let audio;
  let counters = [];

  function camera(width, height, rate) {
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d");
    let frame = 0;
    const draw = () => {
      frame++;
      context.fillStyle = `hsl(${frame % 360} 60% 50%)`;
      context.fillRect(0, 0, width, height);
      for (let i = 0; i < bits; i++) {
        context.fillStyle = (frame >> i) & 1 ? "white" : "black";
        context.fillRect(i * SIZE, 0, SIZE, SIZE);
      }
    };
    draw();
    setInterval(draw, 1000 / rate);
    return canvas.captureStream(rate).getVideoTracks()[0];
  }

  async function tone(frequency) {
    // Without a sound card Firefox never starts an AudioContext; its fake microphone has a tone of 440 Hz (see media-browser.mjs).
    if (/Firefox/.test(navigator.userAgent)) {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true, fake: true });
      return stream.getAudioTracks()[0];
    }
    audio ??= new AudioContext();
    const oscillator = audio.createOscillator();
    const destination = audio.createMediaStreamDestination();
    oscillator.frequency.value = frequency;
    oscillator.connect(destination);
    oscillator.start();
    return destination.stream.getAudioTracks()[0];
  }

  function show(track) {
    const video = document.createElement("video");
    video.muted = true;
    video.autoplay = true;
    video.srcObject = new MediaStream([track]);
    document.body.append(video);
    void video.play();
    const canvas = document.createElement("canvas");
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const read = () => {
      if (video.videoWidth === 0) return;
      canvas.width = video.videoWidth;
      canvas.height = video.videoHeight;
      context.drawImage(video, 0, 0);
      if (received.synthetic) {
        const value = syntheticCounter(context);
        if (counters.at(-1) !== value) counters.push(value);
        return;
      }
      // A smaller simulcast layer has smaller squares.
      const size = (SIZE * video.videoWidth) / received.width;
      let value = 0;
      for (let i = 0; i < bits; i++) {
        const [red, green, blue] = context.getImageData((i + 0.5) * size, size / 2, 1, 1).data;
        if (red + green + blue > 384) value |= 1 << i;
      }
      if (counters.at(-1) !== value) counters.push(value);
    };
    // Timers run between frames as they like; a frame callback misses none that is shown.
    const eachFrame = () => {
      read();
      video.requestVideoFrameCallback(eachFrame);
    };
    if (received.synthetic) video.requestVideoFrameCallback(eachFrame);
    else setInterval(read, 20);
    received.video = video;
  }

  /** What Parley's synthetic camera draws (src/media/synthetic/camera.ts): 16 bits and 4 to check them, or -1. */
  function syntheticCounter(context) {
    let value = 0;
    const { data } = context.getImageData(0, 0, 128, 48);
    for (let i = 0; i < 20; i++) {
      const at = 4 * ((16 * (i >> 3) + 8) * 128 + 16 * (i & 7) + 8);
      if (data[at] + data[at + 1] + data[at + 2] > 384) value |= 1 << i;
    }
    const counter = value & 0xffff;
    const check = ~(counter ^ (counter >> 4) ^ (counter >> 8) ^ (counter >> 12)) & 15;
    return value >> 16 === check ? counter : -1;
  }

  const gathered = () =>
    new Promise((resolve) => {
      const look = () => pc.iceGatheringState === "complete" && resolve(pc.localDescription.sdp);
      pc.addEventListener("icegatheringstatechange", look);
      look();
    });

  function listen(track) {
    audio ??= new AudioContext();
    // Chromium decodes a remote track for Web Audio only while an element plays it.
    const element = document.createElement("audio");
    element.muted = true;
    element.srcObject = new MediaStream([track]);
    void element.play();
    const analyser = audio.createAnalyser();
    analyser.fftSize = 8192;
    audio.createMediaStreamSource(element.srcObject).connect(analyser);
    received.analyser = analyser;
    received.element = element;
  }

  const prefer = (transceiver, kind, mimeType) => {
    if (!mimeType) return;
    const { codecs } = RTCRtpReceiver.getCapabilities(kind);
    const wanted = codecs.filter((codec) => codec.mimeType.toLowerCase() === mimeType.toLowerCase());
    if (wanted.length === 0) throw new Error(`${mimeType} is not there`);
    const helpers = codecs.filter((codec) => /rtx|red|ulpfec|telephone|CN/i.test(codec.mimeType));
    transceiver.setCodecPreferences([...wanted, ...helpers]);
  };

  const commands = {
    /** `synthetic`: what will be shown is Parley's camera, not a page's. */
    open({ width = 640, synthetic = false } = {}) {
      received.width = width;
      received.synthetic = synthetic;
      pc = new RTCPeerConnection();
      candidates = [];
      pc.onicecandidate = ({ candidate }) => candidates.push(candidate?.toJSON() ?? null);
      pc.ontrack = ({ track }) => (track.kind === "video" ? show(track) : listen(track));
    },
    async send({ video, audio: sound, width = 640, height = 480, rate = 30, frequency = 440, sendEncodings }) {
      const stream = new MediaStream();
      const init = { direction: "sendonly", streams: [stream] };
      if (video) {
        const encodings = sendEncodings ? { sendEncodings } : {};
        prefer(pc.addTransceiver(camera(width, height, rate), { ...init, ...encodings }), "video", video);
      }
      if (sound) prefer(pc.addTransceiver(await tone(frequency), init), "audio", sound);
    },
    receive({ video, audio: sound }) {
      if (video) prefer(pc.addTransceiver("video", { direction: "recvonly" }), "video", video);
      if (sound) prefer(pc.addTransceiver("audio", { direction: "recvonly" }), "audio", sound);
    },
    async offer() {
      await pc.setLocalDescription();
      return pc.localDescription.sdp;
    },
    /** Takes an offer; with `media`, answers by sending (see send) on its sections. */
    async answer(sdp, media) {
      await pc.setRemoteDescription({ type: "offer", sdp });
      for (const transceiver of media ? pc.getTransceivers() : []) {
        const { kind } = transceiver.receiver.track;
        const track = kind === "video" ? camera(640, 480, 30) : await tone(440);
        transceiver.direction = "sendonly";
        await transceiver.sender.replaceTrack(track);
      }
      await pc.setLocalDescription();
      return pc.localDescription.sdp;
    },
    /** Offers to send and receive; the description has all candidates. */
    async offerBoth({ video, audio: sound }) {
      const init = { direction: "sendrecv", streams: [new MediaStream()] };
      prefer(pc.addTransceiver(camera(640, 480, 30), init), "video", video);
      prefer(pc.addTransceiver(await tone(440), init), "audio", sound);
      await pc.setLocalDescription();
      return gathered();
    },
    async answerBoth(sdp) {
      await pc.setRemoteDescription({ type: "offer", sdp });
      for (const transceiver of pc.getTransceivers()) {
        transceiver.direction = "sendrecv";
        const track = transceiver.receiver.track.kind === "video" ? camera(640, 480, 30) : await tone(440);
        await transceiver.sender.replaceTrack(track);
      }
      await pc.setLocalDescription();
      return gathered();
    },
    accept: (sdp) => pc.setRemoteDescription({ type: "answer", sdp }),
    candidates: () => candidates.splice(0),
    candidate: (candidate) => pc.addIceCandidate(candidate),
    /** The counters seen since the last call, in order; the decoder's figures; the strongest frequency in Hz. */
    async seen() {
      const out = { counters, state: pc.connectionState };
      counters = [];
      const stats = [...(await pc.getStats()).values()];
      const video = stats.find(({ type, kind }) => type === "inbound-rtp" && kind === "video");
      if (video) {
        const { framesDecoded, packetsLost, nackCount, pliCount, frameWidth, frameHeight, packetsReceived, codecId } =
          video;
        const codec = stats.find(({ id }) => id === codecId)?.mimeType;
        out.video = {
          framesDecoded,
          packetsLost,
          nackCount,
          pliCount,
          frameWidth,
          frameHeight,
          packetsReceived,
          codec,
        };
      }
      const sent = stats.find(({ type, kind }) => type === "outbound-rtp" && kind === "video");
      if (sent) out.framesSent = sent.framesSent;
      const { analyser } = received;
      if (analyser) {
        if (audio.state === "running") {
          const bins = new Float32Array(analyser.frequencyBinCount);
          analyser.getFloatFrequencyData(bins);
          const peak = bins.indexOf(Math.max(...bins));
          out.frequency = (peak * audio.sampleRate) / analyser.fftSize;
          out.level = bins[peak];
        }
        const sound = stats.find(({ type, kind }) => type === "inbound-rtp" && kind === "audio");
        // Of all that was decoded: 0.4 is the amplitude of a steady tone of that.
        out.loudness = Math.sqrt(sound?.totalAudioEnergy / sound?.totalSamplesDuration);
        out.audioCodec = stats.find(({ id }) => id === sound?.codecId)?.mimeType;
      }
      return out;
    },
    /** What getStats says, as a list. */
    stats: async () => [...(await pc.getStats()).values()],
    close: () => pc.close(),
  };
  globalThis.command = (name, ...args) => commands[name](...args);
}
