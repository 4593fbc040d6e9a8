// coturn for the relay tests: static long-term credentials, a certificate authority of its own for TLS, started and stopped here.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram } from "./peers.mjs";
import { within } from "./remote.mjs";

const USER = { username: "interop", credential: "not-a-secret" };

export function missingTurn() {
  if (!findProgram("turnserver")) return "coturn is not installed";
  if (!findProgram("openssl")) return "openssl is not installed";
  return undefined;
}

/** The address peers reach this machine at; undefined where there is none but loopback. */
export function ownAddress() {
  const all = Object.values(networkInterfaces()).flat();
  return all.find(({ family, internal }) => family === "IPv4" && !internal)?.address;
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A certificate authority and a server certificate for `address`, both good for a day, in `folder`. */
function makeCertificates(folder, address) {
  const openssl = (...args) => execFileSync(findProgram("openssl"), args, { cwd: folder, stdio: "pipe" });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const days = ["-days", "1"];
  writeFileSync(join(folder, "names.cnf"), `subjectAltName=IP:${address},DNS:localhost\nbasicConstraints=CA:FALSE\n`);
  openssl("req", "-x509", ...key, ...days, "-subj", "/CN=Parley interop CA", "-keyout", "ca.key", "-out", "ca.pem");
  openssl("req", ...key, "-subj", `/CN=${address}`, "-keyout", "turn.key", "-out", "turn.csr");
  const signing = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names.cnf"];
  openssl("x509", "-req", "-in", "turn.csr", ...signing, ...days, "-out", "turn.pem");
}

/** Starts coturn; resolves with { servers: { udp, tcp, tls }, ca, stop }, each server an entry for `iceServers`. */
export async function startTurn() {
  const address = ownAddress() ?? "127.0.0.1";
  const folder = mkdtempSync(join(tmpdir(), "parley-turn-"));
  makeCertificates(folder, address);
  const [port, tlsPort] = [await freePort(), await freePort()];
  const file = (name) => join(folder, name);
  const args = ["-n", "--listening-ip", address, "--relay-ip", address, "--listening-port", `${port}`];
  args.push("--tls-listening-port", `${tlsPort}`, "--cert", file("turn.pem"), "--pkey", file("turn.key"));
  args.push("--lt-cred-mech", "--realm", "interop", "--user", `${USER.username}:${USER.credential}`);
  args.push("--allow-loopback-peers", "--no-cli", "--no-dtls", "--fingerprint", "--verbose", "--log-file", "stdout");
  args.push("--pidfile", file("pid"), "--userdb", file("users.db"));
  const child = spawn(findProgram("turnserver"), args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  const note = (text) => {
    log = (log + text).slice(-20_000);
  };
  const exited = new Promise((resolve) => child.on("exit", resolve).on("error", resolve));
  const killAtExit = () => child.kill("SIGKILL");
  process.on("exit", killAtExit);
  const stop = async () => {
    child.kill("SIGKILL");
    await exited;
    process.off("exit", killAtExit);
    rmSync(folder, { recursive: true, force: true });
  };
  const listening = new Promise((resolve, reject) => {
    const wanted = [`UDP listener opened on: ${address}:${port}`];
    wanted.push(...[port, tlsPort].map((each) => `TCP listener opened on : ${address}:${each}`));
    const read = (text) => {
      note(text);
      if (wanted.every((line) => log.includes(line))) resolve();
    };
    child.stdout.setEncoding("utf8").on("data", read);
    child.stderr.setEncoding("utf8").on("data", read);
    exited.then(() => reject(new Error(`coturn ended\n${log.slice(-2000)}`)));
  });
  try {
    await within(listening, 10_000, "coturn to listen", () => log.slice(-2000));
  } catch (error) {
    await stop();
    throw error;
  }
  const server = (urls) => ({ urls, ...USER });
  return {
    servers: {
      udp: server(`turn:${address}:${port}?transport=udp`),
      tcp: server(`turn:${address}:${port}?transport=tcp`),
      tls: server(`turns:${address}:${tlsPort}?transport=tcp`),
    },
    ca: file("ca.pem"),
    log: () => log,
    stop,
  };
}
