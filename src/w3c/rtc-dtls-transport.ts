// RTCDtlsTransport (webrtc-pc §5.5).
import type { RTCDtlsTransportState } from "./connection-states.js";
import type { RTCError } from "./errors.js";
import type { EventHandler, EventHandlerRead, TypedEventTargetConstructor } from "./event-handlers.js";
import { fire, fireSimple } from "./events.js";
import { RTCErrorEvent } from "./rtc-events.js";
import type { IceTransportImpl, RTCIceTransport } from "./rtc-ice-transport.js";
import { construct, defineInterface, takeImpl } from "./webidl.js";

export class DtlsTransportImpl {
  private face: RTCDtlsTransport | undefined;
  readonly iceTransport: IceTransportImpl;
  /** Set directly where no event is due (`RTCPeerConnection.close`). */
  state: RTCDtlsTransportState = "new";
  /** The peer's chain, DER, leaf first. */
  remoteCertificates: readonly Uint8Array[] = [];

  constructor(iceTransport: IceTransportImpl) {
    this.iceTransport = iceTransport;
  }

  /** Made when it is first asked for; before that nobody listens to it. */
  get wrapper(): RTCDtlsTransport {
    this.face ??= construct(RTCDtlsTransport, this);
    return this.face;
  }

  /** To be called in a task, as the others: changes the state; true if `statechange` is due. */
  setState(state: RTCDtlsTransportState): boolean {
    if (this.state === state || this.state === "closed") return false;
    this.state = state;
    return true;
  }

  fireStateChange(): void {
    if (this.face !== undefined) fireSimple(this.face, "statechange");
  }

  /** There is to be another association (RFC 9429 §5.11), whatever became of the one before; true as of `setState`. */
  restart(): boolean {
    if (this.state === "new") return false;
    this.state = "new";
    this.remoteCertificates = [];
    return true;
  }

  fireError(error: RTCError): void {
    if (this.face !== undefined) fire(this.face, new RTCErrorEvent("error", { error }));
  }
}

export interface RTCDtlsTransportEventMap {
  statechange: Event;
  error: RTCErrorEvent;
}
/** See EventHandlerRead. */
interface RTCDtlsTransportHandlers {
  get onerror(): EventHandlerRead;
  set onerror(handler: EventHandler<RTCErrorEvent>);
}
const DtlsTransportTarget: TypedEventTargetConstructor<RTCDtlsTransportEventMap, RTCDtlsTransportHandlers> =
  EventTarget as never;

export class RTCDtlsTransport extends DtlsTransportTarget {
  readonly #impl: DtlsTransportImpl = takeImpl();
  declare onstatechange: EventHandler;

  get iceTransport(): RTCIceTransport {
    return this.#impl.iceTransport.wrapper;
  }
  get state(): RTCDtlsTransportState {
    return this.#impl.state;
  }

  getRemoteCertificates(): ArrayBuffer[] {
    return this.#impl.remoteCertificates.map((certificate) => Uint8Array.from(certificate).buffer);
  }

  static {
    defineInterface(RTCDtlsTransport, {
      name: "RTCDtlsTransport",
      brand: (o) => #impl in o,
      handlers: ["statechange", "error"],
    });
  }
}
