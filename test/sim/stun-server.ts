// A STUN server (RFC 8489): Binding over UDP, TCP and TLS. What comes in is bytes and where from; what goes out is bytes;
// `attachStunServer` puts it on a host.
import { parseStunMessage, StunAttribute, StunMessage, StunMethod } from "#src/stun/message.js";
import type { TransportAddress } from "#src/util/net.js";
import type { Host } from "./network.js";
import { type ClientEvents, serveStreams, serveUdp } from "./serve.js";

export interface StunServerOptions {
  /** The host's first address unless given. */
  readonly address?: string | undefined;
  /** 3478 unless given. */
  readonly port?: number | undefined;
  /** Certificate names; listens on `tlsPort` (5349) too if there are any. */
  readonly tlsNames?: readonly string[] | undefined;
  readonly tlsPort?: number | undefined;
}

export class StunServer {
  requests = 0;
  /** Does not answer while false. */
  up = true;
  /** Answers 300 with this address instead. */
  alternate: TransportAddress | undefined;
  /** Answers with this error. */
  error: { readonly code: number; readonly reason: string } | undefined;

  /** The answer to one message, if there is one. */
  handle(data: Uint8Array, address: string, port: number): Uint8Array<ArrayBuffer> | undefined {
    const request = parseStunMessage(data);
    if (!this.up || request?.class !== "request" || request.method !== StunMethod.binding) return undefined;
    this.requests++;
    return answerBinding(request, address, port, this.alternate, this.error);
  }
}

export function answerBinding(
  request: StunMessage,
  address: string,
  port: number,
  alternate?: TransportAddress,
  error?: { readonly code: number; readonly reason: string },
): Uint8Array<ArrayBuffer> {
  const unknown = request.unknownRequired();
  if (unknown.length > 0) {
    return new StunMessage("error", request.method, request.transactionId)
      .addError(420, "Unknown Attribute")
      .addUnknownAttributes(unknown)
      .encode({ fingerprint: true });
  }
  if (alternate !== undefined) {
    return new StunMessage("error", request.method, request.transactionId)
      .addError(300, "Try Alternate")
      .addAddress(StunAttribute.alternateServer, alternate.address, alternate.port)
      .encode({ fingerprint: true });
  }
  if (error !== undefined) {
    return new StunMessage("error", request.method, request.transactionId)
      .addError(error.code, error.reason)
      .encode({ fingerprint: true });
  }
  return new StunMessage("success", request.method, request.transactionId)
    .addAddress(StunAttribute.xorMappedAddress, address, port)
    .addText(StunAttribute.software, "parley test bed")
    .encode({ fingerprint: true });
}

/** Starts a STUN server on a host. */
export function attachStunServer(host: Host, options: StunServerOptions = {}): StunServer {
  const server = new StunServer();
  const address = options.address ?? host.address();
  const port = options.port ?? 3478;
  const events: ClientEvents = {
    onMessage(client, data) {
      const answer = server.handle(data, client.address, client.port);
      if (answer !== undefined) client.send(answer);
    },
    onGone() {},
  };
  serveUdp(host, address, port, events);
  serveStreams(host, address, port, undefined, events);
  if (options.tlsNames !== undefined) serveStreams(host, address, options.tlsPort ?? 5349, options.tlsNames, events);
  return server;
}
