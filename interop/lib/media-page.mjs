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

  function tone(frequency) {
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
      // A smaller simulcast layer has smaller squares.
      const size = (SIZE * video.videoWidth) / received.width;
      let value = 0;
      for (let i = 0; i < bits; i++) {
        const [red, green, blue] = context.getImageData((i + 0.5) * size, size / 2, 1, 1).data;
        if (red + green + blue > 384) value |= 1 << i;
      }
      if (counters.at(-1) !== value) counters.push(value);
    };
    setInterval(read, 20);
    received.video = video;
  }

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
    open({ width = 640 } = {}) {
      received.width = width;
      pc = new RTCPeerConnection();
      candidates = [];
      pc.onicecandidate = ({ candidate }) => candidates.push(candidate?.toJSON() ?? null);
      pc.ontrack = ({ track }) => (track.kind === "video" ? show(track) : listen(track));
    },
    send({ video, audio: sound, width = 640, height = 480, rate = 30, frequency = 440, sendEncodings }) {
      const stream = new MediaStream();
      const init = { direction: "sendonly", streams: [stream] };
      if (video) {
        const encodings = sendEncodings ? { sendEncodings } : {};
        prefer(pc.addTransceiver(camera(width, height, rate), { ...init, ...encodings }), "video", video);
      }
      if (sound) prefer(pc.addTransceiver(tone(frequency), init), "audio", sound);
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
        const track = kind === "video" ? camera(640, 480, 30) : tone(440);
        transceiver.direction = "sendonly";
        await transceiver.sender.replaceTrack(track);
      }
      await pc.setLocalDescription();
      return pc.localDescription.sdp;
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
        const { framesDecoded, packetsLost, nackCount, pliCount, frameWidth, packetsReceived, codecId } = video;
        const codec = stats.find(({ id }) => id === codecId)?.mimeType;
        out.video = { framesDecoded, packetsLost, nackCount, pliCount, frameWidth, packetsReceived, codec };
      }
      const { analyser } = received;
      if (analyser) {
        const bins = new Float32Array(analyser.frequencyBinCount);
        analyser.getFloatFrequencyData(bins);
        const peak = bins.indexOf(Math.max(...bins));
        out.frequency = (peak * audio.sampleRate) / analyser.fftSize;
        out.level = bins[peak];
        const sound = stats.find(({ type, kind }) => type === "inbound-rtp" && kind === "audio");
        out.audioCodec = stats.find(({ id }) => id === sound?.codecId)?.mimeType;
      }
      return out;
    },
    close: () => pc.close(),
  };
  globalThis.command = (name, ...args) => commands[name](...args);
}
