// The states of a connection as functions of the states of its transports (webrtc-pc §4.3.2, §4.3.3, §4.3.4).
import type { SignalingState } from "../jsep/signaling-state.js";

export type RTCSignalingState = SignalingState;
export type RTCIceGatheringState = "new" | "gathering" | "complete";
export type RTCIceTransportState =
  | "new"
  | "checking"
  | "connected"
  | "completed"
  | "disconnected"
  | "failed"
  | "closed";
export type RTCDtlsTransportState = "new" | "connecting" | "connected" | "closed" | "failed";
export type RTCPeerConnectionState = "new" | "connecting" | "connected" | "disconnected" | "failed" | "closed";

export interface TransportStates {
  readonly ice: RTCIceTransportState;
  readonly dtls: RTCDtlsTransportState;
  readonly gathering: RTCIceGatheringState;
}

/** iceGatheringState (§4.3.2). */
export function gatheringStateOf(transports: readonly TransportStates[]): RTCIceGatheringState {
  if (transports.some(({ gathering }) => gathering === "gathering")) return "gathering";
  if (transports.length === 0) return "new";
  return transports.every(({ gathering }) => gathering === "complete") ? "complete" : "new";
}

/** iceConnectionState (§4.3.4), in the order of its table: the first state that fits. */
export function iceConnectionStateOf(transports: readonly TransportStates[]): RTCIceTransportState {
  const some = (state: RTCIceTransportState): boolean => transports.some(({ ice }) => ice === state);
  const all = (...states: RTCIceTransportState[]): boolean => transports.every(({ ice }) => states.includes(ice));
  if (some("failed")) return "failed";
  if (some("disconnected")) return "disconnected";
  if (all("new", "closed")) return "new";
  if (some("new") || some("checking")) return "checking";
  if (all("completed", "closed")) return "completed";
  return "connected";
}

/** connectionState (§4.3.3), in the order of its table. */
export function connectionStateOf(transports: readonly TransportStates[]): RTCPeerConnectionState {
  if (transports.some(({ ice, dtls }) => ice === "failed" || dtls === "failed")) return "failed";
  if (transports.some(({ ice }) => ice === "disconnected")) return "disconnected";
  const idle = (t: TransportStates): boolean =>
    (t.ice === "new" || t.ice === "closed") && (t.dtls === "new" || t.dtls === "closed");
  if (transports.every(idle)) return "new";
  const done = (t: TransportStates): boolean =>
    (t.ice === "connected" || t.ice === "completed" || t.ice === "closed") &&
    (t.dtls === "connected" || t.dtls === "closed");
  if (transports.every(done)) return "connected";
  return "connecting";
}
