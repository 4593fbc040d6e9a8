// What a page does in negotiation.test.mjs: one peer connection and what is asked of it. Sent to the page as source.

export function install() {
  let pc;
  const track = (kind) => {
    if (kind === "video") return document.createElement("canvas").captureStream().getVideoTracks()[0];
    return new AudioContext().createMediaStreamDestination().stream.getAudioTracks()[0];
  };
  const commands = {
    open(configuration) {
      pc?.close();
      pc = new RTCPeerConnection(configuration);
    },
    data: () => void pc.createDataChannel("x"),
    addTrack: (kind) => void pc.addTrack(track(kind), new MediaStream()),
    addTransceiver(kind, init = {}, withTrack = false) {
      pc.addTransceiver(withTrack ? track(kind) : kind, init);
    },
    restartIce: () => pc.restartIce(),
    stop: (index) => pc.getTransceivers()[index].stop(),
    stopMid: (wanted) =>
      pc
        .getTransceivers()
        .find(({ mid }) => mid === wanted)
        .stop(),
    direction(index, direction) {
      pc.getTransceivers()[index].direction = direction;
    },
    prefer(index, kind, mimeTypes) {
      const { codecs } = RTCRtpReceiver.getCapabilities(kind);
      pc.getTransceivers()[index].setCodecPreferences(
        mimeTypes.flatMap((type) => codecs.filter(({ mimeType }) => mimeType.toLowerCase() === type)),
      );
    },
    async offer() {
      await pc.setLocalDescription(await pc.createOffer());
      return pc.localDescription.sdp;
    },
    async answer(offer) {
      await pc.setRemoteDescription({ type: "offer", sdp: offer });
      await pc.setLocalDescription(await pc.createAnswer());
      return pc.localDescription.sdp;
    },
    async answerSending(offer) {
      await pc.setRemoteDescription({ type: "offer", sdp: offer });
      const [transceiver] = pc.getTransceivers();
      transceiver.direction = "sendrecv";
      await transceiver.sender.replaceTrack(track("video"));
      await pc.setLocalDescription(await pc.createAnswer());
      return pc.localDescription.sdp;
    },
    accept: (sdp) => pc.setRemoteDescription({ type: "answer", sdp }),
    state: () =>
      pc.getTransceivers().map((t) => ({
        mid: t.mid,
        kind: t.receiver.track.kind,
        direction: t.currentDirection,
        encodings: t.sender.getParameters().encodings.map(({ rid }) => rid ?? null),
        codecs: t.sender.getParameters().codecs.map(({ mimeType, payloadType }) => `${payloadType} ${mimeType}`),
      })),
  };
  // Perfect negotiation (webrtc-pc §10.7): the same is done by Parley's side, in negotiation.test.mjs.
  let polite = false;
  let makingOffer = false;
  let ignoring = false;
  let answerPending = false;
  const failures = [];
  const send = (message) => globalThis.toParley(JSON.stringify(message));
  const fail = (where) => (error) => void failures.push(`${where}: ${error.name}: ${error.message}`);
  Object.assign(commands, {
    perfect(isPolite) {
      commands.open({});
      polite = isPolite;
      makingOffer = ignoring = answerPending = false;
      failures.length = 0;
      pc.onicecandidate = ({ candidate }) => candidate && send({ candidate: candidate.toJSON() });
      pc.ondatachannel = ({ channel }) => {
        channel.onmessage = ({ data }) => channel.send(data);
      };
      pc.onnegotiationneeded = async () => {
        try {
          makingOffer = true;
          await pc.setLocalDescription();
          send({ description: pc.localDescription.toJSON() });
        } catch (error) {
          fail("negotiationneeded")(error);
        } finally {
          makingOffer = false;
        }
      };
    },
    async receive({ description, candidate }) {
      try {
        if (candidate) {
          const ignored = ignoring;
          const isLate = () => !pc.remoteDescription?.sdp.includes(`a=ice-ufrag:${candidate.usernameFragment}`);
          await pc.addIceCandidate(candidate).catch((error) => ignored || isLate() || fail("candidate")(error));
          return;
        }
        const isStable = pc.signalingState === "stable" || answerPending;
        const collision = description.type === "offer" && (makingOffer || !isStable);
        ignoring = collision && !polite;
        if (ignoring) return;
        answerPending = description.type === "answer";
        await pc.setRemoteDescription(description);
        answerPending = false;
        if (description.type !== "offer") return;
        await pc.setLocalDescription();
        send({ description: pc.localDescription.toJSON() });
      } catch (error) {
        fail(description?.type)(error);
      }
    },
    summary: () => ({
      failures,
      signaling: pc.signalingState,
      connection: pc.connectionState,
      transceivers: pc.getTransceivers().map(({ mid, currentDirection }) => [mid, currentDirection]),
    }),
  });
  globalThis.command = (name, ...args) => commands[name](...args);
}
