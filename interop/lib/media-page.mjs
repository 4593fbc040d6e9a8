// Runs in a page: a peer connection that sends pictures with a counter in them and a tone, or shows what it receives. Given to
// the browser as text: it may use nothing outside itself.

/** Bits of the frame counter, drawn as black and white squares in one row. */
export const COUNTER_BITS = 10;

export function install(bits) {
  const SIZE = 32;
  let pc;
  let candidates = [];
  /** What is received, by section. */
  const ends = [];
  let options = {};
  let audio;

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

  const sourceOf = (kind) => {
    const { width = 640, height = 480, rate = 30, frequency = 440 } = options;
    return kind === "video" ? camera(width, height, rate) : tone(frequency);
  };

  function show(track, end) {
    const video = document.createElement("video");
    video.muted = true;
    video.autoplay = true;
    video.srcObject = new MediaStream([track]);
    document.body.append(video);
    void video.play();
    const canvas = document.createElement("canvas");
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const { counters } = end;
    const read = () => {
      if (video.videoWidth === 0) return;
      canvas.width = video.videoWidth;
      canvas.height = video.videoHeight;
      context.drawImage(video, 0, 0);
      if (options.synthetic) {
        const value = syntheticCounter(context);
        if (counters.at(-1) !== value) counters.push(value);
        return;
      }
      // A smaller simulcast layer has smaller squares.
      const size = (SIZE * video.videoWidth) / (options.width ?? 640);
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
    if (options.synthetic) video.requestVideoFrameCallback(eachFrame);
    else setInterval(read, 20);
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
      // After a restart the state is for a moment that of the gathering before.
      const look = () =>
        pc.iceGatheringState === "complete" &&
        pc.localDescription.sdp.includes("a=candidate:") &&
        resolve(pc.localDescription.sdp);
      pc.addEventListener("icegatheringstatechange", look);
      look();
    });

  function listen(track, end) {
    audio ??= new AudioContext();
    // Chromium decodes a remote track for Web Audio only while an element plays it.
    const element = document.createElement("audio");
    element.muted = true;
    element.srcObject = new MediaStream([track]);
    void element.play();
    end.analyser = audio.createAnalyser();
    end.analyser.fftSize = 8192;
    audio.createMediaStreamSource(element.srcObject).connect(end.analyser);
    end.element = element;
  }

  /** `more`: the name of what is to be negotiated besides. */
  const prefer = (transceiver, kind, mimeType, more) => {
    if (!mimeType) return;
    const { codecs } = RTCRtpReceiver.getCapabilities(kind);
    const wanted = codecs.filter((codec) => codec.mimeType.toLowerCase() === mimeType.toLowerCase());
    if (wanted.length === 0) throw new Error(`${mimeType} is not there`);
    const helpers = codecs.filter(
      (codec) => /rtx|red|ulpfec|telephone|CN/i.test(codec.mimeType) || codec.mimeType.slice(6) === more,
    );
    transceiver.setCodecPreferences([...wanted, ...helpers]);
  };

  const pick = (from, names) => Object.fromEntries(names.map((name) => [name, from?.[name]]));

  async function pictures(transceiver, end) {
    const stats = [...(await transceiver.receiver.getStats()).values()];
    const video = stats.find(({ type }) => type === "inbound-rtp");
    const names = ["framesDecoded", "packetsLost", "nackCount", "pliCount", "packetsReceived"];
    return {
      ...pick(video, names),
      size: [video?.frameWidth ?? 0, video?.frameHeight ?? 0],
      codec: stats.find(({ id }) => id === video?.codecId)?.mimeType,
      counters: end.counters.splice(0),
    };
  }

  /** The strongest frequency in Hz where Web Audio runs. */
  async function sound(transceiver, { analyser }) {
    const stats = [...(await transceiver.receiver.getStats()).values()];
    const inbound = stats.find(({ type }) => type === "inbound-rtp");
    const out = {
      // Of all that was decoded: 0.4 is the amplitude of a steady tone of that.
      loudness: Math.sqrt(inbound?.totalAudioEnergy / inbound?.totalSamplesDuration),
      codec: stats.find(({ id }) => id === inbound?.codecId)?.mimeType,
      packetsReceived: inbound?.packetsReceived,
    };
    if (audio.state !== "running") return out;
    const bins = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(bins);
    const peak = bins.indexOf(Math.max(...bins));
    // Full scale is 1, the root mean square of what was heard in the last sixth of a second, too.
    const samples = new Float32Array(analyser.fftSize);
    analyser.getFloatTimeDomainData(samples);
    const rms = Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
    return { ...out, frequency: (peak * audio.sampleRate) / analyser.fftSize, level: bins[peak], rms };
  }

  const commands = {
    /**
     * `synthetic`: what will be shown is Parley's camera, not a page's. `width`, `height`, `rate`, `frequency`: of this page's camera and
     * microphone. `configuration`: of the connection.
     */
    open({ configuration, ...rest } = {}) {
      options = rest;
      pc = new RTCPeerConnection(configuration);
      candidates = [];
      pc.onicecandidate = ({ candidate }) => candidates.push(candidate?.toJSON() ?? null);
      pc.ontrack = ({ track, transceiver }) => {
        const index = pc.getTransceivers().indexOf(transceiver);
        if (ends[index]) return;
        const end = { counters: [] };
        ends[index] = end;
        if (track.kind === "video") show(track, end);
        else listen(track, end);
      };
    },
    async send({ video, audio: sound, sendEncodings }) {
      const stream = new MediaStream();
      const init = { direction: "sendonly", streams: [stream] };
      if (video) {
        const encodings = sendEncodings ? { sendEncodings } : {};
        prefer(pc.addTransceiver(await sourceOf("video"), { ...init, ...encodings }), "video", video);
      }
      if (sound) prefer(pc.addTransceiver(await sourceOf("audio"), init), "audio", sound);
    },
    receive({ video, audio: sound }) {
      if (video) prefer(pc.addTransceiver("video", { direction: "recvonly" }), "video", video);
      if (sound) prefer(pc.addTransceiver("audio", { direction: "recvonly" }), "audio", sound);
    },
    async offer(init) {
      await pc.setLocalDescription(init && (await pc.createOffer(init)));
      return pc.localDescription.sdp;
    },
    /** Takes an offer; with `media`, answers by sending on its sections. */
    async answer(sdp, media) {
      await pc.setRemoteDescription({ type: "offer", sdp });
      for (const transceiver of media ? pc.getTransceivers() : []) {
        transceiver.direction = "sendonly";
        await transceiver.sender.replaceTrack(await sourceOf(transceiver.receiver.track.kind));
      }
      await pc.setLocalDescription();
      return pc.localDescription.sdp;
    },
    /** Offers to send and receive `tracks`, [{ kind, codec }]; the description has all candidates. */
    async offerBoth(tracks) {
      const stream = new MediaStream();
      for (const { kind, codec, more, direction = "sendrecv", sendEncodings } of tracks) {
        const init = { direction, streams: [stream], ...(sendEncodings && { sendEncodings }) };
        prefer(
          pc.addTransceiver(direction === "recvonly" ? kind : await sourceOf(kind), init),
          kind,
          `${kind}/${codec}`,
          more,
        );
      }
      await pc.setLocalDescription();
      return gathered();
    },
    async answerBoth(sdp, direction = "sendrecv") {
      await pc.setRemoteDescription({ type: "offer", sdp });
      for (const transceiver of pc.getTransceivers()) {
        if (direction === "recvonly" || transceiver.currentDirection || transceiver.sender.track) continue;
        transceiver.direction = direction;
        await transceiver.sender.replaceTrack(await sourceOf(transceiver.receiver.track.kind));
      }
      await pc.setLocalDescription();
      return gathered();
    },
    /** What comes late on a busy machine is not to be missed: everything waits so many milliseconds. */
    wait(milliseconds) {
      for (const receiver of pc.getReceivers()) receiver.jitterBufferTarget = milliseconds;
    },
    accept: (sdp) => pc.setRemoteDescription({ type: "answer", sdp }),
    candidates: () => candidates.splice(0),
    candidate: (candidate) => pc.addIceCandidate(candidate),
    /** What came since the last call: { state, tracks } by section. */
    async seen() {
      const tracks = [];
      for (const [i, transceiver] of pc.getTransceivers().entries()) {
        const { kind } = transceiver.receiver.track;
        const out = !ends[i] ? {} : await (kind === "video" ? pictures : sound)(transceiver, ends[i]);
        const sent = [...(await transceiver.sender.getStats()).values()].filter(({ type }) => type === "outbound-rtp");
        tracks.push({ ...out, framesSent: sent.reduce((sum, one) => sum + (one.framesSent ?? 0), 0) });
      }
      return { state: pc.connectionState, tracks };
    },
    /** What getStats says, as a list. */
    stats: async () => [...(await pc.getStats()).values()],
    /** Plays tones (RTCDTMFSender) on the first section that takes them. */
    dtmf(tones) {
      pc.getSenders()
        .find(({ dtmf }) => dtmf?.canInsertDTMF)
        .dtmf.insertDTMF(tones, 200, 100);
    },
    /** Runs `text` as the body of a function of the connection: what only one test does. */
    run: (text, ...args) =>
      new Function("pc", "args", "sourceOf", `return (async () => { ${text} })()`)(pc, args, sourceOf),
    close: () => pc.close(),
  };
  globalThis.command = (name, ...args) => commands[name](...args);
}
