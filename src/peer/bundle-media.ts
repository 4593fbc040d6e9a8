// When media of one bundle begins. There is a MediaTransport from the first sender or receiver on, which may be before or after
// DTLS has keys for it; what is negotiated or asked of it before that is kept here.

import { microtask } from "../util/microtask.js";
import { type KeySource, MediaTransport, type MediaTransportOptions } from "./media-transport.js";
import type { Platform } from "./platform.js";

export interface BundleMediaHost {
  transmit(datagram: Uint8Array): void;
  /** Whether what `transmit` was given is in use any longer. */
  keeps(): boolean;
  /** Whether DTLS has keys already. */
  hasKeys(): boolean;
}

export class BundleMedia {
  private readonly platform: Platform;
  private readonly host: BundleMediaHost;
  private current: MediaTransport | undefined;
  private startPending = false;
  /** The addresses of the selected pair. */
  private route: string | undefined;
  /** What was negotiated of Cryptex (RFC 9335). */
  private cryptex = { send: false, receive: false };
  private waiting: (() => void)[] = [];

  constructor(platform: Platform, host: BundleMediaHost) {
    this.platform = platform;
    this.host = host;
  }

  /** Undefined as long as no media was negotiated. */
  get transport(): MediaTransport | undefined {
    return this.current;
  }

  /** The transport, which is made with these options if there is none. */
  ensure(options: MediaTransportOptions): MediaTransport {
    if (this.current === undefined) {
      this.current = new MediaTransport(
        this.platform,
        options,
        (datagram) => this.host.transmit(datagram),
        () => this.host.keeps(),
      );
      this.current.setCryptex(this.cryptex.send, this.cryptex.receive);
      this.startPending = this.host.hasKeys();
    }
    return this.current;
  }

  setCryptex(send: boolean, receive: boolean): void {
    this.cryptex = { send, receive };
    this.current?.setCryptex(send, receive);
  }

  /** Calls back, once the round is over, when media can be sent; true: it can already, and no call follows. */
  whenReady(run: () => void): boolean {
    if (this.current?.srtpProfile !== undefined) return true;
    this.waiting.push(run);
    return false;
  }

  // DTLS and ICE

  handleDtlsConnected(): void {
    this.startPending = true;
  }

  /** DTLS was given up; it may come again. */
  handleDtlsReset(): void {
    this.startPending = false;
    this.current?.stop();
  }

  /** Media has another path when the addresses are others; a pair may also be replaced by one with the same. */
  handleRoute(route: string, now: number): void {
    if (this.route !== undefined && this.route !== route) this.current?.session.onRouteChange(now);
    this.route = route;
  }

  // The round

  get deadline(): number {
    return this.current?.deadline ?? Number.POSITIVE_INFINITY;
  }

  handleTimeout(now: number): void {
    this.current?.handleTimeout(now);
  }

  /** Begins if it can now, processes what came, and sends what is due. `keys`: undefined while there are none. */
  flush(keys: KeySource | undefined, now: number): void {
    const { current } = this;
    if (current === undefined) return;
    if (this.startPending && keys !== undefined) {
      this.startPending = false;
      current.start(keys);
      const { waiting } = this;
      this.waiting = [];
      for (const run of waiting) microtask(run);
    }
    current.flush(now);
  }
}
