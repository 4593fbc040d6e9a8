// One end of a connection under measurement: trickles its candidates, and keeps the peer's until they can be taken.

function end(pc, signal, onDescription) {
  let early = [];
  let ready = false;
  pc.onicecandidate = ({ candidate }) => {
    if (!candidate?.candidate) return;
    const { sdpMid, sdpMLineIndex } = candidate;
    signal({ candidate: { candidate: candidate.candidate, sdpMid, sdpMLineIndex } });
  };
  const take = async ({ description, candidate }) => {
    if (candidate !== undefined) {
      if (ready) await pc.addIceCandidate(candidate);
      else early.push(candidate);
      return;
    }
    await pc.setRemoteDescription(description);
    ready = true;
    for (const one of early) await pc.addIceCandidate(one);
    early = [];
    await onDescription();
  };
  return { pc, take: (message) => void take(message) };
}

/** Not all stacks have setLocalDescription without an argument, or a signalingState that says which description is due. */
async function describe(pc, create, signal) {
  await pc.setLocalDescription(await pc[create]());
  const { type, sdp } = pc.localDescription;
  signal({ description: { type, sdp } });
}

/** Resolves with the open channel and the connection. */
export function offer(pc, signal, label, options) {
  const connection = end(pc, signal, () => {});
  const channel = pc.createDataChannel(label, options);
  const opened = new Promise((done) => {
    channel.onopen = () => done();
  });
  void describe(pc, "createOffer", signal);
  return { ...connection, channel, opened };
}

export function answer(pc, signal, onChannel) {
  pc.ondatachannel = ({ channel }) => onChannel(channel);
  return end(pc, signal, () => describe(pc, "createAnswer", signal));
}
