// The demo's web server: the page, and signalling over plain HTTP. A visitor's page posts an offer and its candidates,
// and hears the Node peer's over server-sent events; each visitor has a peer connection of its own, which ends when the
// page leaves or falls silent.
import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, isIP } from "node:net";
import { fileURLToPath } from "node:url";
import { createCameraPeer } from "./camera-peer.js";
import type { EchoedFile } from "./file-echo.js";
import { createDemoPeer, type DemoPeer } from "./peer.js";
import type { CandidateInit, PeerConnectionClass } from "./w3c.js";

/** Visitors at once. */
const MAX_SESSIONS = 100;
/** Bytes of a request's body. */
const MAX_BODY = 256 * 1024;
/** Candidates of one request. */
const MAX_CANDIDATES = 100;
/** How long a page may be without its event stream: it reconnects by itself. */
const GRACE = 5_000;
/** Ports tried after the first. */
const PORT_TRIES = 100;

const SECURITY_HEADERS = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  // Isolated pages get a finer clock, which the round-trip times are read from.
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cache-Control": "no-store",
};

export interface DemoServerOptions {
  readonly RTCPeerConnection: PeerConnectionClass;
  /** What the page calls the Node peer. */
  readonly implementation: string;
  readonly host: string;
  readonly port: number;
  /** Whether the next free port will do. */
  readonly anyPort: boolean;
  onVisitor?(change: "came" | "left", visitors: number): void;
  onEchoed?(file: EchoedFile): void;
}

export interface DemoServer {
  readonly url: string;
  close(): Promise<void>;
}

interface Session {
  readonly id: string;
  readonly peer: DemoPeer;
  /** Every event so far, for the page that reconnects. */
  readonly events: string[];
  stream: ServerResponse | undefined;
  silence: NodeJS.Timeout | undefined;
}

export async function startDemoServer(options: DemoServerOptions): Promise<DemoServer> {
  const files = loadPage();
  const sessions = new Map<string, Session>();

  function push(session: Session, event: string, data: unknown): void {
    const text = `id: ${session.events.length + 1}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
    session.events.push(text);
    session.stream?.write(text);
  }

  function end(session: Session, reason: string): void {
    if (!sessions.delete(session.id)) return;
    clearTimeout(session.silence);
    push(session, "closed", reason);
    session.stream?.end();
    session.peer.close();
    options.onVisitor?.("left", sessions.size);
  }

  function awaitStream(session: Session): void {
    clearTimeout(session.silence);
    session.silence = setTimeout(() => end(session, "the page went silent"), GRACE);
  }

  async function createSession(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readJson(request);
    const { kind = "data", sdp } = (body ?? {}) as { kind?: unknown; sdp?: unknown };
    if (typeof sdp !== "string") return reply(response, 400, "an offer is expected: { kind, sdp }");
    if (kind !== "data" && kind !== "camera") return reply(response, 400, 'the kind is "data" or "camera"');
    if (sessions.size >= MAX_SESSIONS) return reply(response, 503, "too many visitors");
    const early: (CandidateInit | null)[] = [];
    let session: Session | undefined;
    const host = {
      onCandidate: (candidate: CandidateInit | null): void => {
        if (session === undefined) early.push(candidate);
        else push(session, "candidate", candidate);
      },
      onState: (state: string): void => {
        if (session === undefined) return;
        if (state === "failed") end(session, "the Node peer lost the connection");
        if (state === "closed") end(session, "the Node peer closed the connection");
      },
    };
    const peer =
      kind === "camera"
        ? createCameraPeer(host)
        : createDemoPeer({
            RTCPeerConnection: options.RTCPeerConnection,
            onEchoed: (file) => options.onEchoed?.(file),
            ...host,
          });
    let answer: string;
    try {
      answer = await peer.answer(sdp);
    } catch (error) {
      peer.close();
      return reply(response, 400, `the offer was refused: ${error instanceof Error ? error.message : String(error)}`);
    }
    session = { id: randomUUID(), peer, events: [], stream: undefined, silence: undefined };
    sessions.set(session.id, session);
    for (const candidate of early) push(session, "candidate", candidate);
    awaitStream(session);
    options.onVisitor?.("came", sessions.size);
    reply(response, 201, { id: session.id, sdp: answer, implementation: options.implementation });
  }

  function openStream(session: Session, request: IncomingMessage, response: ServerResponse): void {
    session.stream?.end();
    session.stream = response;
    clearTimeout(session.silence);
    response.writeHead(200, { ...SECURITY_HEADERS, "Content-Type": "text/event-stream" });
    response.write("retry: 500\n\n");
    const seen = Number(request.headers["last-event-id"] ?? 0);
    for (const text of session.events.slice(Number.isSafeInteger(seen) && seen > 0 ? seen : 0)) response.write(text);
    response.on("close", () => {
      if (session.stream !== response) return;
      session.stream = undefined;
      if (sessions.has(session.id)) awaitStream(session);
    });
  }

  async function addCandidates(session: Session, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readJson(request);
    if (!Array.isArray(body) || body.length > MAX_CANDIDATES) return reply(response, 400, "a list is expected");
    for (const candidate of body) {
      try {
        await session.peer.addIceCandidate(candidate as CandidateInit);
      } catch (error) {
        return reply(response, 400, `candidate refused: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    reply(response, 204);
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? "/").split("?")[0]!;
    if (!isExpectedHost(request.headers.host, options.host)) return reply(response, 421, "wrong host");
    if (request.method === "GET" || request.method === "HEAD") {
      const file = files.get(path);
      if (file !== undefined) {
        response.writeHead(200, { ...SECURITY_HEADERS, "Content-Type": file.type });
        response.end(request.method === "HEAD" ? undefined : file.content);
        return;
      }
    }
    const [, api, kind, id, what, ...rest] = path.split("/");
    if (api !== "api" || kind !== "sessions" || rest.length > 0) return reply(response, 404, "not found");
    if (id === undefined) {
      if (request.method !== "POST") return reply(response, 405, "POST an offer");
      return createSession(request, response);
    }
    const session = sessions.get(id);
    if (session === undefined) return reply(response, 404, "no such session");
    if (request.method === "GET" && what === "events") return openStream(session, request, response);
    if (request.method === "POST" && what === "candidates") return addCandidates(session, request, response);
    if (request.method === "DELETE" && what === undefined) {
      end(session, "the page left");
      return reply(response, 204);
    }
    reply(response, 404, "not found");
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else reply(response, error instanceof RequestError ? 400 : 500, error instanceof Error ? error.message : "error");
    });
  });
  const port = await listen(server, options);
  return {
    url: `http://${isIP(options.host) === 6 ? `[${options.host}]` : options.host}:${port}/`,
    async close() {
      for (const session of [...sessions.values()]) end(session, "the server is shutting down");
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

class RequestError extends Error {}

/** The page's files by path: its markup and style as written, its modules as compiled. */
function loadPage(): Map<string, { type: string; content: Buffer }> {
  const types: Record<string, string> = {
    html: "text/html; charset=utf-8",
    css: "text/css; charset=utf-8",
    svg: "image/svg+xml",
    js: "text/javascript; charset=utf-8",
  };
  const files = new Map<string, { type: string; content: Buffer }>();
  for (const folder of ["../../../src/cli/demo/page/", "./page/"]) {
    const url = new URL(folder, import.meta.url);
    for (const name of readdirSync(fileURLToPath(url))) {
      const type = types[name.split(".").at(-1)!];
      if (type === undefined || name.endsWith(".test.js")) continue;
      files.set(name === "index.html" ? "/" : `/${name}`, { type, content: readFileSync(new URL(name, url)) });
    }
  }
  return files;
}

/**
 * A server for this machine alone answers only to its own names: a foreign page that has its host name resolved to the
 * loopback address (DNS rebinding) gets nothing.
 */
function isExpectedHost(header: string | undefined, host: string): boolean {
  const name = (header ?? "").replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  const loopback = (address: string): boolean =>
    address === "localhost" || address === "::1" || (isIP(address) === 4 && address.startsWith("127."));
  return !loopback(host) || loopback(name);
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  // A form of a foreign page cannot send this type without asking first.
  if (request.headers["content-type"] !== "application/json") throw new RequestError("application/json is expected");
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > MAX_BODY) throw new RequestError("too long");
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString());
  } catch {
    throw new RequestError("not JSON");
  }
}

function reply(response: ServerResponse, status: number, body?: unknown): void {
  const text = typeof body === "string";
  response.writeHead(status, { ...SECURITY_HEADERS, "Content-Type": text ? "text/plain" : "application/json" });
  response.end(body === undefined ? undefined : text ? body : JSON.stringify(body));
}

async function listen(server: Server, { host, port, anyPort }: DemoServerOptions): Promise<number> {
  for (let tried = 0; ; tried++) {
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(port === 0 ? 0 : port + tried, host, () => {
          server.off("error", reject);
          resolve();
        });
      });
      return (server.address() as AddressInfo).port;
    } catch (error) {
      const taken = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
      if (!taken || !anyPort || tried >= PORT_TRIES || port + tried >= 65535) throw error;
    }
  }
}
