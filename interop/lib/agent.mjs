// One peer of the suite over any W3C-shaped implementation: takes commands, answers them, reports events. Runs in Node and in browsers.
//
// Command  { req, op, pc, … }              →  { req, result } or { req, error: { name, message } }
// Event    { event, pc, … }                   candidate, gathered, state, channel, open, closed, message, fault
// The operations are the functions of `ops` below; agents/*.py and agents/pion/main.go know the same ones.
import { binaryContent, digest, textContent } from "./content.mjs";

/** send() waits above this many buffered bytes: enough to keep any peer busy, little enough for all of them to hold. */
const HIGH_WATER = 1 << 20;

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const plainCandidate = (c) => ({
  candidate: c.candidate,
  sdpMid: c.sdpMid ?? "0",
  sdpMLineIndex: c.sdpMLineIndex ?? 0,
  ...(c.usernameFragment ? { usernameFragment: c.usernameFragment } : {}),
});
const plainDescription = ({ type, sdp }) => ({ type, sdp });

function describeChannel(dc) {
  const { id, label, protocol, ordered, maxRetransmits, maxPacketLifeTime, negotiated, priority } = dc;
  return { id, label, protocol, ordered, maxRetransmits, maxPacketLifeTime, negotiated, priority };
}

async function bytesOf(data) {
  if (typeof data === "string") return encoder.encode(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (typeof data.arrayBuffer === "function") return new Uint8Array(await data.arrayBuffer());
  return new Uint8Array(data);
}

/** What send() is given: text, ArrayBuffer (even seed), a view with room on both sides (odd seed), or Blob. */
function payload({ kind, size, seed }) {
  if (kind === "text") return decoder.decode(textContent(seed, size));
  const bytes = binaryContent(seed, size);
  if (kind === "blob") return new Blob([bytes]);
  if (seed % 2 === 0) return bytes.buffer;
  const roomy = new Uint8Array(size + 16);
  roomy.set(bytes, 8);
  return roomy.subarray(8, 8 + size);
}

/** `api` is the implementation's exports; `emit` takes events. Returns the function that takes commands. */
export function createAgent(api, emit) {
  const connections = new Map();

  function follow(pc, key, dc) {
    connections.get(pc).channels.set(key, dc);
    dc.binaryType = "arraybuffer";
    let opened = false;
    const open = () => {
      if (opened) return;
      opened = true;
      emit({ event: "open", pc, key, info: describeChannel(dc) });
    };
    dc.onopen = open;
    dc.onclose = () => emit({ event: "closed", pc, key });
    dc.onerror = (e) => emit({ event: "fault", pc, key, message: String(e?.error?.message ?? e?.message ?? "error") });
    dc.onmessage = ({ data }) => {
      const kind = typeof data === "string" ? "text" : "binary";
      const report = (bytes) => emit({ event: "message", pc, key, message: digest(kind, bytes) });
      if (data instanceof ArrayBuffer) report(new Uint8Array(data));
      else void bytesOf(data).then(report);
    };
    if (dc.readyState === "open") open();
  }

  function at(pc) {
    const found = connections.get(pc);
    if (!found) throw new Error(`no connection ${pc}`);
    return found;
  }

  const ops = {
    create({ pc, config = {} }) {
      const connection = new api.RTCPeerConnection({ iceServers: [], ...config });
      connections.set(pc, { connection, channels: new Map() });
      connection.onicecandidate = ({ candidate }) => {
        if (candidate?.candidate) emit({ event: "candidate", pc, candidate: plainCandidate(candidate) });
      };
      connection.onicegatheringstatechange = () => {
        if (connection.iceGatheringState === "complete") emit({ event: "gathered", pc });
      };
      const state = () =>
        emit({ event: "state", pc, connection: connection.connectionState, ice: connection.iceConnectionState });
      connection.onconnectionstatechange = state;
      connection.oniceconnectionstatechange = state;
      connection.ondatachannel = ({ channel }) => {
        const key = `in ${channel.id}`;
        emit({ event: "channel", pc, key, info: describeChannel(channel) });
        follow(pc, key, channel);
      };
    },

    channel({ pc, key, label, options }) {
      follow(pc, key, at(pc).connection.createDataChannel(label, options));
    },

    async offer({ pc, restart = false }) {
      const { connection } = at(pc);
      if (restart) connection.restartIce();
      await connection.setLocalDescription(await connection.createOffer());
      return plainDescription(connection.localDescription);
    },

    async answer({ pc }) {
      const { connection } = at(pc);
      await connection.setLocalDescription(await connection.createAnswer());
      return plainDescription(connection.localDescription);
    },

    local: ({ pc }) => plainDescription(at(pc).connection.localDescription),

    async accept({ pc, description }) {
      await at(pc).connection.setRemoteDescription(description);
    },

    /** As `accept` and then `candidate` for each, without waiting in between: the operations chain has to keep the order. */
    async acceptAll({ pc, description, candidates }) {
      const { connection } = at(pc);
      const accepted = connection.setRemoteDescription(description);
      await Promise.all([accepted, ...candidates.map((candidate) => connection.addIceCandidate(candidate))]);
    },

    async candidate({ pc, candidate }) {
      await at(pc).connection.addIceCandidate(candidate);
    },

    /** Sends `items` ({ kind, size, seed }) one after the other, `gap` milliseconds apart, as the buffer allows. */
    async send({ pc, key, items, gap = 0 }) {
      const dc = at(pc).channels.get(key);
      for (const item of items) {
        while (dc.bufferedAmount > HIGH_WATER) await sleep(2);
        dc.send(payload(item));
        if (gap) await sleep(gap);
      }
    },

    facts({ pc }) {
      const { connection } = at(pc);
      const { connectionState, iceConnectionState, signalingState, sctp } = connection;
      return { connectionState, iceConnectionState, signalingState, maxMessageSize: sctp?.maxMessageSize ?? null };
    },

    async stats({ pc }) {
      return [...(await at(pc).connection.getStats()).values()];
    },

    closeChannel({ pc, key }) {
      at(pc).channels.get(key).close();
    },

    async close({ pc }) {
      await at(pc).connection.close();
      connections.delete(pc);
    },

    /** `count` connections of this implementation to itself, one after the other: milliseconds to an open channel each. */
    async handshakes({ count, limit }) {
      const times = [];
      for (let i = 0; i < count; i++) {
        const began = performance.now();
        if (!(await handshake(api, limit))) return { times, failed: i };
        times.push(performance.now() - began);
      }
      return { times };
    },
  };

  return async ({ req, op, ...args }) => {
    try {
      if (!Object.hasOwn(ops, op)) throw new Error(`unknown operation ${op}`);
      emit({ req, result: (await ops[op](args)) ?? {} });
    } catch (error) {
      emit({ req, error: { name: error?.name ?? "Error", message: String(error?.message ?? error) } });
    }
  };
}

async function handshake({ RTCPeerConnection }, limit) {
  const ends = [0, 1].map(() => new RTCPeerConnection({ iceServers: [] }));
  const [offerer, answerer] = ends;
  const [offererReady, answererReady] = [deferred(), deferred()];
  offerer.onicecandidate = ({ candidate }) =>
    candidate && void offererReady.promise.then(() => answerer.addIceCandidate(plainCandidate(candidate)));
  answerer.onicecandidate = ({ candidate }) =>
    candidate && void answererReady.promise.then(() => offerer.addIceCandidate(plainCandidate(candidate)));
  const arrived = new Promise((resolve) => {
    answerer.ondatachannel = ({ channel }) => {
      channel.onmessage = () => resolve(true);
    };
  });
  const dc = offerer.createDataChannel("handshake");
  dc.onopen = () => dc.send("here");
  let timer;
  try {
    await offerer.setLocalDescription(await offerer.createOffer());
    await answerer.setRemoteDescription(plainDescription(offerer.localDescription));
    offererReady.resolve();
    await answerer.setLocalDescription(await answerer.createAnswer());
    await offerer.setRemoteDescription(plainDescription(answerer.localDescription));
    answererReady.resolve();
    const late = new Promise((resolve) => {
      timer = setTimeout(() => resolve(false), limit);
    });
    return await Promise.race([arrived, late]);
  } finally {
    clearTimeout(timer);
    await Promise.all(ends.map((end) => end.close()));
  }
}

function deferred() {
  const result = {};
  result.promise = new Promise((resolve, reject) => Object.assign(result, { resolve, reject }));
  return result;
}
