// DTLS 1.2 against OpenSSL's s_client and s_server over UDP on the loopback interface. Run by hand after a build:
//   node interop/openssl-dtls.mjs [filter]
// For every case: handshake, the same keying material exported on both sides, a line of data each way, close_notify.
import { execFileSync, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCertificate, parseCertificate } from "../dist/dtls/certificate.js";
import { DtlsConnection } from "../dist/dtls/connection.js";
import { nodeCrypto } from "../dist/node/crypto.js";

const LABEL = "EXTRACTOR-dtls_srtp";
const folder = mkdtempSync(join(tmpdir(), "openssl-dtls-"));
const file = (name) => join(folder, name);
const DAY = 24 * 3600 * 1000;

function ownCertificate(algorithm) {
  const privateKey = nodeCrypto.generateKeyPair(algorithm);
  const notAfter = Date.now() + 30 * DAY;
  const der = createCertificate(privateKey, { notBefore: Date.now() - DAY, notAfter, random: nodeCrypto.random });
  return { der, privateKey, notAfter };
}

const own = {
  "P-256": ownCertificate({ name: "ecdsa", namedCurve: "P-256" }),
  "P-384": ownCertificate({ name: "ecdsa", namedCurve: "P-384" }),
  rsa: ownCertificate({ name: "rsa", modulusLength: 2048, publicExponent: 65537 }),
};

const NEWKEY = {
  "P-256": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
  "P-384": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp384r1"],
  rsa: ["-newkey", "rsa:2048"],
  ed25519: ["-newkey", "ed25519"],
};
for (const [name, newkey] of Object.entries(NEWKEY)) {
  const out = [
    "-nodes",
    "-keyout",
    file(`${name}.key`),
    "-out",
    file(`${name}.pem`),
    "-days",
    "30",
    "-subj",
    "/CN=peer",
  ];
  execFileSync("openssl", ["req", "-x509", ...newkey, ...out], { stdio: "ignore" });
}

// The command line has no way to do without the extended master secret, the configuration has.
writeFileSync(
  file("no-ems.cnf"),
  "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nOptions = -ExtendedMasterSecret\n",
);

const pemToDer = (pem) => Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ""), "base64");

/** Drives one connection over a UDP socket. */
class Endpoint {
  constructor(options, { drop = () => false } = {}) {
    this.socket = createSocket("udp4");
    this.received = "";
    this.closed = undefined;
    this.chain = undefined;
    this.drop = drop;
    this.sent = 0;
    const host = {
      transmit: (datagram) => {
        if (this.drop(this.sent++)) return;
        this.socket.send(datagram, this.port, "127.0.0.1");
      },
      onStateChange: () => {},
      onData: (plaintext) => {
        this.received += Buffer.from(plaintext).toString();
      },
      onClosed: (reason, alert) => {
        this.closed = { reason, alert };
      },
    };
    this.connection = new DtlsConnection(
      {
        crypto: nodeCrypto,
        verifyPeer: (chain) => {
          this.chain = chain;
          return true;
        },
        ...options,
      },
      host,
    );
    this.socket.on("message", (data, from) => {
      this.port = from.port;
      this.round(() => this.connection.receive(new Uint8Array(data), performance.now()));
    });
  }

  round(work) {
    work();
    this.connection.flush(performance.now());
    clearTimeout(this.timer);
    const { deadline } = this.connection;
    if (deadline === Number.POSITIVE_INFINITY) return;
    const due = () => this.round(() => this.connection.handleTimeout(performance.now()));
    this.timer = setTimeout(due, Math.max(0, deadline - performance.now()) + 1);
  }

  bind() {
    return new Promise((resolve) => this.socket.bind(0, "127.0.0.1", () => resolve(this.socket.address().port)));
  }

  end() {
    clearTimeout(this.timer);
    this.socket.close();
  }
}

async function until(condition, what, timeout = 8000) {
  const end = performance.now() + timeout;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`timed out: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function freePort() {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1", () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}

function openssl(args, env = {}) {
  const child = spawn("openssl", args, { stdio: ["pipe", "pipe", "pipe"], env: { ...globalThis.process.env, ...env } });
  const process = { child, output: "" };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data) => {
      process.output += data;
    });
  }
  process.exited = new Promise((resolve) => child.on("exit", resolve));
  return process;
}

async function run(test) {
  const weAreClient = test.we === "client";
  const common = ["-dtls1_2", "-cert", file(`${test.peerKey}.pem`), "-key", file(`${test.peerKey}.key`)];
  common.push("-keymatexport", LABEL, "-keymatexportlen", "60", "-mtu", "1400", ...(test.args ?? []));
  const endpoint = new Endpoint({ role: test.we, certificates: [own[test.ownKey]], ...test.options }, test);
  const port = await endpoint.bind();
  let peer;
  const started = performance.now();
  try {
    if (weAreClient) {
      endpoint.port = await freePort();
      peer = openssl(
        ["s_server", "-accept", `127.0.0.1:${endpoint.port}`, "-Verify", "1", "-timeout", ...common],
        test.env,
      );
      await until(() => peer.output.includes("ACCEPT"), "s_server to listen");
      endpoint.round(() => endpoint.connection.start(performance.now()));
    } else {
      endpoint.round(() => endpoint.connection.start(performance.now()));
      peer = openssl(["s_client", "-connect", `127.0.0.1:${port}`, "-timeout", ...common], test.env);
    }
    await until(() => endpoint.closed !== undefined || endpoint.connection.state === "connected", "the handshake");
    if (endpoint.closed !== undefined) throw new Error(`closed: ${JSON.stringify(endpoint.closed)}`);
    const setup = performance.now() - started;
    await until(() => /Keying material: [0-9A-F]+/.test(peer.output), "the peer's keying material");
    const theirs = /Keying material: ([0-9A-F]+)/.exec(peer.output)[1].toLowerCase();
    const ours = Buffer.from(endpoint.connection.exportKeyingMaterial(LABEL, undefined, 60)).toString("hex");
    if (ours !== theirs) throw new Error("keying material differs");
    const der = pemToDer(readFileSync(file(`${test.peerKey}.pem`), "latin1"));
    if (!der.equals(endpoint.chain[0])) throw new Error("another certificate");
    if (parseCertificate(endpoint.chain[0]) === undefined) throw new Error("certificate not read");
    if (test.expect !== undefined && !peer.output.includes(test.expect)) throw new Error(`peer lacks ${test.expect}`);
    endpoint.round(() => endpoint.connection.send(Buffer.from("from-us\n")));
    peer.child.stdin.write("from-them\n");
    await until(() => endpoint.received.includes("from-them"), "data from the peer");
    await until(() => peer.output.includes("from-us"), "data at the peer");
    if (test.theyClose) {
      peer.child.stdin.write("Q\n");
      await until(() => endpoint.closed?.reason === "close-notify", "close_notify");
    } else {
      endpoint.round(() => endpoint.connection.close(performance.now()));
      if (!weAreClient) await Promise.race([peer.exited, until(() => false, "s_client to end")]);
    }
    const { cipherSuite, group, signatureScheme, extendedMasterSecret } = endpoint.connection;
    if (extendedMasterSecret === (test.noEms === true)) throw new Error("extended master secret");
    const ems = extendedMasterSecret ? "EMS" : "no EMS";
    return `${cipherSuite.name} ${group} ${signatureScheme} ${ems} ${setup.toFixed(0)} ms`;
  } catch (error) {
    error.message += `\n${JSON.stringify(endpoint.connection.counters)}\n${peer?.output.slice(-1500)}`;
    throw error;
  } finally {
    endpoint.end();
    peer?.child.kill("SIGKILL");
  }
}

const SUITES = {
  "ECDHE-ECDSA-AES128-GCM-SHA256": "P-256",
  "ECDHE-ECDSA-AES256-GCM-SHA384": "P-384",
  "ECDHE-ECDSA-CHACHA20-POLY1305": "P-256",
  "ECDHE-RSA-AES128-GCM-SHA256": "rsa",
  "ECDHE-RSA-AES256-GCM-SHA384": "rsa",
  "ECDHE-RSA-CHACHA20-POLY1305": "rsa",
};
const GROUPS = { X25519: "x25519", "P-256": "secp256r1", "P-384": "secp384r1" };

const tests = [];
for (const we of ["client", "server"]) {
  let n = 0;
  for (const [suite, key] of Object.entries(SUITES)) {
    for (const group of Object.keys(GROUPS)) {
      const other = ["P-256", "rsa", "P-384"][n++ % 3];
      const [ownKey, peerKey] = we === "client" ? [other, key] : [key === "P-384" ? "P-256" : key, other];
      // Their groups also limit the curves of certificates, hence only the order is theirs to choose.
      const groups = [group, ...Object.keys(GROUPS).filter((name) => name !== group)].join(":");
      const args = ["-cipher", suite, "-groups", groups];
      const options = { groups: [GROUPS[group], ...Object.values(GROUPS).filter((name) => name !== GROUPS[group])] };
      // On Q, s_server closes its socket before it would send close_notify.
      const theyClose = we === "server" && n % 2 === 0;
      tests.push({ name: `${we} ${suite} ${group} ${other}`, we, ownKey, peerKey, args, options, theyClose });
    }
  }
  const base = { we, ownKey: "P-256", peerKey: "P-256" };
  const args = ["-use_srtp", "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80"];
  const options = { srtpProfiles: [7, 1] };
  tests.push({ ...base, name: `${we} use_srtp`, args, options, expect: "SRTP_AEAD_AES_128_GCM" });
  tests.push({ ...base, name: `${we} small mtu`, options: { mtu: 300 }, args: ["-mtu", "256"] });
  tests.push({ ...base, name: `${we} loss`, drop: (index) => index === 1 || index === 3, options: { mtu: 400 } });
  // As a DTLS server, OpenSSL 3.0 does not use an Ed25519 key.
  if (we === "server") tests.push({ ...base, name: `${we} ed25519 peer`, peerKey: "ed25519" });
  tests.push({ ...base, name: `${we} rsa pkcs1`, peerKey: "rsa", ownKey: "rsa", args: ["-sigalgs", "RSA+SHA256"] });
  tests.push({
    ...base,
    name: `${we} rsa pss`,
    peerKey: "rsa",
    ownKey: "rsa",
    args: ["-sigalgs", "rsa_pss_rsae_sha384"],
  });
  tests.push({ ...base, name: `${we} no EMS`, env: { OPENSSL_CONF: file("no-ems.cnf") }, noEms: true });
}
tests.push({
  name: "client cookie (s_server -listen)",
  we: "client",
  ownKey: "P-256",
  peerKey: "P-256",
  args: ["-listen"],
});
tests.push({
  name: "server cookie",
  we: "server",
  ownKey: "P-256",
  peerKey: "P-256",
  options: { cookie: true },
});

const filter = process.argv[2] ?? "";
let failed = 0;
console.log(execFileSync("openssl", ["version"], { encoding: "utf8" }).trim());
for (const test of tests.filter((t) => t.name.includes(filter))) {
  try {
    console.log(`ok     ${test.name}: ${await run(test)}`);
  } catch (error) {
    failed++;
    console.log(`FAILED ${test.name}: ${error.message}`);
  }
}
rmSync(folder, { recursive: true });
console.log(failed === 0 ? "all pass" : `${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
