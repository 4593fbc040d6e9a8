// RTCSctpTransport (webrtc-pc §6.1), a view of one SCTP association that changes only in tasks.
import type { RTCDtlsTransport } from "./rtc-dtls-transport.js";
import { checkInternal, defineInterface, INTERNAL } from "./webidl.js";

export type RTCSctpTransportState = "connecting" | "connected" | "closed";

export interface SctpTransportSlots {
  transport: RTCDtlsTransport;
  state: RTCSctpTransportState;
  maxMessageSize: number;
  maxChannels: number | null;
}

export let sctpTransports: {
  create(transport: RTCDtlsTransport): RTCSctpTransport;
  slots(transport: RTCSctpTransport): SctpTransportSlots;
};

export class RTCSctpTransport extends EventTarget {
  readonly #slots: SctpTransportSlots;

  constructor(token: unknown, transport: RTCDtlsTransport) {
    checkInternal(token);
    super();
    this.#slots = { transport, state: "connecting", maxMessageSize: 65536, maxChannels: null };
  }

  static {
    sctpTransports = {
      create: (transport) => new RTCSctpTransport(INTERNAL, transport),
      slots: (transport) => transport.#slots,
    };
  }

  get transport(): RTCDtlsTransport {
    return this.#slots.transport;
  }

  get state(): RTCSctpTransportState {
    return this.#slots.state;
  }

  /** Bytes of the largest message that can be sent; Infinity if the peer sets no limit. */
  get maxMessageSize(): number {
    return this.#slots.maxMessageSize;
  }

  /** How many channels there can be at once; null until connected. */
  get maxChannels(): number | null {
    return this.#slots.maxChannels;
  }
}
defineInterface(RTCSctpTransport, { handlers: ["statechange"] });
