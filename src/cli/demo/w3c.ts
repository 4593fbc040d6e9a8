// The shape of the W3C classes as far as the demo uses them, so that the Node peer takes any implementation of them.

export interface SessionDescription {
  readonly type: string;
  readonly sdp: string;
}

export interface CandidateInit {
  readonly candidate?: string;
  readonly sdpMid?: string | null;
  readonly sdpMLineIndex?: number | null;
  readonly usernameFragment?: string | null;
}

export interface DataChannel {
  readonly label: string;
  readonly readyState: string;
  readonly bufferedAmount: number;
  bufferedAmountLowThreshold: number;
  binaryType: string;
  send(data: string): void;
  send(data: ArrayBuffer): void;
  close(): void;
  addEventListener(type: string, listener: (event: Event) => void): void;
}

export interface PeerConnection {
  readonly connectionState: string;
  readonly localDescription: { readonly sdp: string } | null;
  setRemoteDescription(description: { type: "offer"; sdp: string }): Promise<void>;
  setLocalDescription(): Promise<void>;
  addIceCandidate(candidate: CandidateInit): Promise<void>;
  close(): void;
  addEventListener(type: string, listener: (event: Event) => void): void;
}

export type PeerConnectionClass = new () => PeerConnection;
