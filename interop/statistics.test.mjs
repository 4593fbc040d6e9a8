// What getStats says at both ends of one connection: Parley's numbers and the browser's are of the same things.
import assert from "node:assert/strict";
import { KINDS } from "./lib/channels.mjs";
import { PEERS, ROLES, SUBJECT, wants } from "./lib/peers.mjs";
import { Session } from "./lib/session.mjs";
import { exchange, items } from "./lib/steps.mjs";
import { peerTest } from "./lib/suite.mjs";

const LIMIT = 120_000;
/** Milliseconds for acknowledgements on their way to arrive. */
const SETTLE = 20_000;
const SIZES = [0, 1, 1000, 60_000];

class Snapshot {
  constructor(all) {
    this.all = all;
    this.transport = this.only("transport");
    this.pair = this.of(this.transport.selectedCandidatePairId);
  }

  of(id) {
    const found = this.all.find((stats) => stats.id === id);
    assert.ok(found, `nothing has the id ${id}`);
    return found;
  }

  only(type, test = () => true) {
    const found = this.all.filter((stats) => stats.type === type && test(stats));
    assert.equal(found.length, 1, `${found.length} of type ${type}`);
    return found[0];
  }
}

const snapshot = async (side) => new Snapshot(await side.call("stats"));

const COUNTED = ["packetsSent", "packetsReceived", "requestsReceived", "responsesSent", "responsesReceived"];

/**
 * Both, once what one has sent the other has received, and nothing came in between; as they are where that takes too long.
 */
async function settled(ours, theirs) {
  const end = Date.now() + SETTLE;
  for (;;) {
    const both = [await snapshot(ours), await snapshot(theirs)];
    const { pair, transport } = await snapshot(ours);
    const [own, other] = both;
    const arrived = (level) =>
      own[level].packetsSent === other[level].packetsReceived &&
      other[level].packetsSent === own[level].packetsReceived;
    const unchanged =
      COUNTED.every((name) => own.pair[name] === pair[name]) &&
      own.transport.packetsReceived === transport.packetsReceived;
    const quiet = unchanged && arrived("pair") && arrived("transport");
    if (quiet || Date.now() > end || other.pair.packetsSent === undefined) return both;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const pick = (object, ...names) => Object.fromEntries(names.map((name) => [name, object[name]]));
const opposite = { client: "server", server: "client", controlling: "controlled", controlled: "controlling" };

function sameChannels(own, other) {
  const names = ["label", "protocol", "dataChannelIdentifier", "state"];
  for (const mine of own.all.filter(({ type }) => type === "data-channel")) {
    const theirs = other.only("data-channel", ({ label }) => label === mine.label);
    assert.deepEqual(pick(mine, ...names), pick(theirs, ...names));
    for (const what of ["messages", "bytes"]) {
      assert.ok(mine[`${what}Sent`] > 0);
      assert.equal(mine[`${what}Sent`], theirs[`${what}Received`], `${what} from Parley on ${mine.label}`);
      assert.equal(mine[`${what}Received`], theirs[`${what}Sent`], `${what} to Parley on ${mine.label}`);
    }
  }
  const counts = ["dataChannelsOpened", "dataChannelsClosed"];
  assert.deepEqual(pick(own.only("peer-connection"), ...counts), pick(other.only("peer-connection"), ...counts));
}

function sameTransport({ transport: own }, { transport: other }) {
  const names = ["dtlsState", "tlsVersion", "dtlsCipher", "srtpCipher"];
  assert.deepEqual(pick(own, ...names), pick(other, ...names));
  assert.equal(own.dtlsState, "connected");
  assert.equal(own.dtlsRole, opposite[other.dtlsRole]);
  assert.equal(own.iceRole, opposite[other.iceRole]);
}

function sameCandidates(own, other) {
  const names = ["protocol", "candidateType", "port", "priority", "foundation", "usernameFragment"];
  for (const [from, to] of [
    [own, other],
    [other, own],
  ]) {
    const local = from.of(from.pair.localCandidateId);
    const remote = to.of(to.pair.remoteCandidateId);
    // One that the other has only learned from a check has a priority and a foundation of its own.
    const said = remote.candidateType === "prflx" ? ["protocol", "port"] : names;
    assert.deepEqual(pick(local, ...said), pick(remote, ...said));
  }
  assert.deepEqual([own.pair.state, own.pair.nominated], [other.pair.state, other.pair.nominated]);
}

/** What Chromium has and Firefox has not. */
function sameCounts(own, other) {
  const fingerprint = (from, id) => pick(from.of(id), "fingerprint", "fingerprintAlgorithm", "base64Certificate");
  for (const [from, to] of [
    [own, other],
    [other, own],
  ]) {
    assert.deepEqual(
      fingerprint(from, from.transport.localCertificateId),
      fingerprint(to, to.transport.remoteCertificateId),
    );
    for (const level of ["transport", "pair"]) {
      for (const what of ["packets", "bytes"]) {
        assert.equal(from[level][`${what}Sent`], to[level][`${what}Received`], `${what} of the ${level}`);
      }
    }
    // A check that is repeated may be answered twice.
    const unheard = to.pair.responsesSent - from.pair.responsesReceived;
    assert.ok(unheard >= 0 && unheard <= 3, `${unheard} answers more than were counted`);
  }
  for (const { all, transport, pair } of [own, other]) {
    // The pair in use may have been another one at first.
    const pairs = all.filter(({ type }) => type === "candidate-pair");
    const sum = pairs.reduce((bytes, { bytesSent }) => bytes + bytesSent, 0);
    assert.equal(transport.bytesSent, sum);
    assert.ok(pair.currentRoundTripTime < 1 && pair.totalRoundTripTime < 10, "seconds");
  }
  const lag = Math.abs(own.pair.lastPacketSentTimestamp - other.pair.lastPacketReceivedTimestamp);
  assert.ok(lag < 1000, `the last packet took ${lag} ms by two clocks of one machine`);
}

if (wants("statistics")) {
  for (const peer of [PEERS.chromium, PEERS.firefox]) {
    for (const role of ROLES) {
      const name = `both ends say the same, ${peer.title} as ${role}`;
      peerTest(name, { limit: LIMIT, missing: peer.missing }, async (_t, start) => {
        const us = { peer: await start(SUBJECT.start("parley")), limits: SUBJECT.limits };
        const them = { peer: await start(peer.start(peer.title)), limits: peer.limits };
        const session = role === "offerer" ? new Session(them, us) : new Session(us, them);
        const ours = session.sides.find((side) => side.peer === us.peer);
        const theirs = session.other(ours);
        await session.create();
        const channels = [await session.channel(KINDS[0])];
        await session.negotiate();
        for (const channel of channels) await session.opened(channel);
        await exchange(session, channels, () => items(SIZES));
        const [own, other] = await settled(ours, theirs);
        sameChannels(own, other);
        sameTransport(own, other);
        sameCandidates(own, other);
        if (peer === PEERS.chromium) sameCounts(own, other);
        assert.deepEqual(us.peer.strays, []);
        await session.close();
      });
    }
  }
}
