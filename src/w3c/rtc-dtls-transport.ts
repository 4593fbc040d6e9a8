// RTCDtlsTransport (webrtc-pc §5.5), a view of one DTLS connection that changes only in tasks.
import type { RTCDtlsTransportState } from "./connection-states.js";
import type { RTCIceTransport } from "./rtc-ice-transport.js";
import { checkInternal, defineInterface, INTERNAL } from "./webidl.js";

export interface DtlsTransportSlots {
  state: RTCDtlsTransportState;
  remoteCertificates: readonly Uint8Array[];
}

export let dtlsTransports: {
  create(iceTransport: RTCIceTransport): RTCDtlsTransport;
  slots(transport: RTCDtlsTransport): DtlsTransportSlots;
};

export class RTCDtlsTransport extends EventTarget {
  readonly #iceTransport: RTCIceTransport;
  readonly #slots: DtlsTransportSlots = { state: "new", remoteCertificates: [] };

  constructor(token: unknown, iceTransport: RTCIceTransport) {
    checkInternal(token);
    super();
    this.#iceTransport = iceTransport;
  }

  static {
    dtlsTransports = {
      create: (iceTransport) => new RTCDtlsTransport(INTERNAL, iceTransport),
      slots: (transport) => transport.#slots,
    };
  }

  get iceTransport(): RTCIceTransport {
    return this.#iceTransport;
  }

  get state(): RTCDtlsTransportState {
    return this.#slots.state;
  }

  /** The peer's certificate chain, DER, once connected. */
  getRemoteCertificates(): ArrayBuffer[] {
    return this.#slots.remoteCertificates.map((der) => der.slice().buffer as ArrayBuffer);
  }
}
defineInterface(RTCDtlsTransport, { handlers: ["statechange", "error"] });
