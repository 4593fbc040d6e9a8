// RTCSctpTransport (webrtc-pc §6.1.1).
import type { EventHandler, TypedEventTargetConstructor } from "./event-handlers.js";
import { fireSimple } from "./events.js";
import type { DtlsTransportImpl, RTCDtlsTransport } from "./rtc-dtls-transport.js";
import { construct, defineInterface, takeImpl } from "./webidl.js";

export type RTCSctpTransportState = "connecting" | "connected" | "closed";

export class SctpTransportImpl {
  private face: RTCSctpTransport | undefined;
  transport: DtlsTransportImpl;
  state: RTCSctpTransportState = "connecting";
  /** Bytes; Infinity if there is no limit; null while not negotiated. */
  maxMessageSize: number | null = null;
  /** Null until "connected". */
  maxChannels: number | null = null;

  constructor(transport: DtlsTransportImpl) {
    this.transport = transport;
  }

  /** Made when it is first asked for; before that nobody listens to it. */
  get wrapper(): RTCSctpTransport {
    this.face ??= construct(RTCSctpTransport, this);
    return this.face;
  }

  /** To be called in a task: changes the state and fires `statechange`, if it is another. */
  setState(state: RTCSctpTransportState): boolean {
    if (this.state === state || this.state === "closed") return false;
    this.state = state;
    this.fireStateChange();
    return true;
  }

  fireStateChange(): void {
    if (this.face !== undefined) fireSimple(this.face, "statechange");
  }
}

export interface RTCSctpTransportEventMap {
  statechange: Event;
}
const SctpTransportTarget: TypedEventTargetConstructor<RTCSctpTransportEventMap> = EventTarget;

export class RTCSctpTransport extends SctpTransportTarget {
  readonly #impl: SctpTransportImpl = takeImpl();
  declare onstatechange: EventHandler;

  get transport(): RTCDtlsTransport {
    return this.#impl.transport.wrapper;
  }
  get state(): RTCSctpTransportState {
    return this.#impl.state;
  }
  /** In bytes; null, which the DOM library does not say, before an answer has been applied. */
  get maxMessageSize(): number {
    return this.#impl.maxMessageSize as number;
  }
  get maxChannels(): number | null {
    return this.#impl.maxChannels;
  }

  static {
    defineInterface(RTCSctpTransport, {
      name: "RTCSctpTransport",
      brand: (o) => #impl in o,
      handlers: ["statechange"],
    });
  }
}
