// Holds statistics against the dictionaries of webrtc-stats: members known, required ones there, types and order as Web IDL
// turns a dictionary into an object, identifiers that resolve.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type IDLTypeDescription, parse } from "webidl2";

export interface Stats extends Readonly<Record<string, unknown>> {
  readonly id: string;
  readonly type: string;
  readonly timestamp: number;
}
/** What a report is, as far as it is looked at. */
export interface Report {
  values(): Iterable<unknown>;
  get(id: string): unknown;
}

/** By type, and by kind where there is one dictionary for each. */
export const DICTIONARIES: Readonly<Record<string, string>> = {
  codec: "RTCCodecStats",
  "inbound-rtp": "RTCInboundRtpStreamStats",
  "outbound-rtp": "RTCOutboundRtpStreamStats",
  "remote-inbound-rtp": "RTCRemoteInboundRtpStreamStats",
  "remote-outbound-rtp": "RTCRemoteOutboundRtpStreamStats",
  "media-source audio": "RTCAudioSourceStats",
  "media-source video": "RTCVideoSourceStats",
  "media-playout": "RTCAudioPlayoutStats",
  "peer-connection": "RTCPeerConnectionStats",
  "data-channel": "RTCDataChannelStats",
  transport: "RTCTransportStats",
  "candidate-pair": "RTCIceCandidatePairStats",
  "local-candidate": "RTCIceCandidateStats",
  "remote-candidate": "RTCIceCandidateStats",
  certificate: "RTCCertificateStats",
};

interface Member {
  readonly name: string;
  readonly required: boolean;
  readonly idlType: IDLTypeDescription;
}

const idlDirectory = dirname(createRequire(import.meta.url).resolve("@webref/idl/package.json"));
const dictionaries = new Map<string, { readonly inheritance: string | null; readonly members: readonly Member[] }>();
const enums = new Map<string, readonly string[]>();
for (const file of ["webrtc", "webrtc-ice", "webrtc-stats"]) {
  for (const definition of parse(readFileSync(join(idlDirectory, `${file}.idl`), "utf8"))) {
    if (definition.type === "dictionary" && !dictionaries.has(definition.name)) {
      dictionaries.set(definition.name, definition);
    } else if (definition.type === "enum") {
      enums.set(
        definition.name,
        definition.values.map(({ value }) => value),
      );
    }
  }
}

/** The members of a dictionary in the order of an object made of it. */
export function membersOf(name: string): readonly Member[] {
  const definition = dictionaries.get(name);
  assert.ok(definition, `no dictionary ${name}`);
  const own = [...definition.members].sort((a, b) => (a.name < b.name ? -1 : 1));
  return definition.inheritance === null ? own : [...membersOf(definition.inheritance), ...own];
}

const integer = (min: number, max: number) => (value: unknown) =>
  Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  DOMString: (value) => typeof value === "string",
  boolean: (value) => typeof value === "boolean",
  double: Number.isFinite,
  DOMHighResTimeStamp: Number.isFinite,
  "unsigned short": integer(0, 0xffff),
  "unsigned long": integer(0, 0xffff_ffff),
  long: integer(-0x8000_0000, 0x7fff_ffff),
  "unsigned long long": integer(0, Number.MAX_SAFE_INTEGER),
  "long long": integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
};

function isOfType(value: unknown, { generic, nullable, idlType }: IDLTypeDescription): boolean {
  if (value === null) return nullable;
  if (generic === "record") {
    const [, type] = idlType as readonly IDLTypeDescription[];
    return typeof value === "object" && Object.values(value as object).every((entry) => isOfType(entry, type!));
  }
  const values = enums.get(idlType as string);
  if (values !== undefined) return values.includes(value as string);
  const test = TYPES[idlType as string];
  assert.ok(test, `the type ${JSON.stringify(idlType)} is not known here`);
  return test(value);
}

/** One dictionary. */
export function assertConforms(stats: Stats): void {
  const dictionary = DICTIONARIES[stats.type] ?? DICTIONARIES[`${stats.type} ${stats.kind}`];
  assert.ok(dictionary, `no dictionary for the type ${stats.type}`);
  const members = membersOf(dictionary);
  const expected = members.filter(({ name, required }) => required || Object.hasOwn(stats, name));
  assert.deepEqual(
    Object.keys(stats),
    expected.map(({ name }) => name),
    `members of ${dictionary}`,
  );
  for (const { name, idlType } of expected) {
    assert.ok(isOfType(stats[name], idlType), `${dictionary}.${name} is ${String(stats[name])}`);
  }
}

/** All of a report; returns them. */
export function assertReport(report: Report): Stats[] {
  const all = [...report.values()] as Stats[];
  for (const stats of all) {
    assert.equal(report.get(stats.id), stats);
    assertConforms(stats);
    for (const [name, value] of Object.entries(stats)) {
      if (name.endsWith("Id")) assert.ok(report.get(value as string), `${stats.type}.${name} leads nowhere: ${value}`);
    }
  }
  return all;
}

export const ofType = (all: readonly Stats[], type: string): Stats[] => all.filter((stats) => stats.type === type);
