// Connects two peers of one process; what a signalling server does between two machines.

/** Resolves once each has the other's description; candidates keep trickling. */
export async function connect(offerer, answerer) {
  offerer.addEventListener("icecandidate", ({ candidate }) => answerer.addIceCandidate(candidate));
  answerer.addEventListener("icecandidate", ({ candidate }) => offerer.addIceCandidate(candidate));
  await offerer.setLocalDescription();
  await answerer.setRemoteDescription(offerer.localDescription);
  await answerer.setLocalDescription();
  await offerer.setRemoteDescription(answerer.localDescription);
}

/** Resolves at the next event of that type. */
export function next(target, type) {
  return new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));
}
