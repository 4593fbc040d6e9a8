// Recorded offers and answers of other stacks, with media.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { Side, transceiver } from "#test/jsep-session.js";
import type { SdpSession } from "../sdp/model.js";
import { parseSdp } from "../sdp/parser.js";
import { writeSdp } from "../sdp/writer.js";
import { MID_EXTENSION } from "./header-extensions.js";
import { folder, lines, planOf, vector } from "./media-testing.test.js";

function parsedText(sdp: string): SdpSession {
  const parsed = parseSdp(sdp);
  assert.ok(parsed.ok);
  return parsed.description;
}

test("every recorded offer is answered with media, and re-offered; every answer is of a whole session", () => {
  for (const file of readdirSync(folder)) {
    if (!/-offer/.test(file)) continue;
    const offer = vector(file.slice(0, -4));
    const b = new Side("b").with(transceiver("x", "audio"), transceiver("y", "video"));
    const answer = b.answer(offer);
    const parsed = parseSdp(offer);
    assert.ok(parsed.ok);
    const live = parsed.description.media.filter(({ port, bundleOnly }) => port !== 0 || bundleOnly).length;
    assert.equal(lines(answer, "m=").filter((line) => !/^m=\w+ 0 /.test(line)).length, live, file);
    for (const slot of b.state.slots) {
      if (slot.rejected || slot.kind === "application") continue;
      assert.ok(
        slot.media!.receiveCodecs.some(({ role }) => role === "media"),
        file,
      );
      const listsMid = parsed.description.media[slot.index]!.extmaps.some(({ uri }) => uri === MID_EXTENSION);
      assert.equal(
        slot.media!.headerExtensions.some(({ uri }) => uri === MID_EXTENSION),
        listsMid,
        file,
      );
    }
    // Our own offer is one that an answerer of ours takes.
    const again = b.offer();
    const c = new Side("c").with();
    c.answer(again);
    assert.equal(c.state.slots.length, lines(again, "m=").length, file);
  }
});

test("recorded answers of other stacks to our offer are applied", () => {
  const heard: string[] = [];
  for (const file of readdirSync(folder)) {
    if (!file.endsWith("-answer-to-parley.sdp")) continue;
    const a = new Side("a").with(transceiver("1", "audio"), transceiver("2", "video"));
    const numbers = new Map(
      lines(a.offer({ dataChannel: true }), "a=extmap:")
        .map((line) => line.slice(9).split(" "))
        .map(([id, uri]) => [uri, id]),
    );
    // They were recorded when our offer had other numbers.
    const answer = vector(file.slice(0, -4)).replace(
      /a=extmap:\d+(\S*) (\S+)/g,
      (_, direction: string, uri: string) => `a=extmap:${numbers.get(uri)}${direction} ${uri}`,
    );
    a.setRemote("answer", answer);
    assert.notEqual(a.state.sctp, null, file);
    assert.equal(a.state.transports.length, 1, file);
    const [audio, video] = ["1", "2"].map((id) => planOf(a, id).media!);
    assert.equal(audio!.sendCodecs[0]!.mimeType.toLowerCase(), "audio/opus", file);
    assert.equal(video!.sendCodecs[0]!.mimeType, "video/VP8", file);
    assert.ok(video!.rtcpMux, file);
    heard.push(file.replace(/-av-data-answer-to-parley.*/, ""));
  }
  assert.deepEqual(heard.sort(), ["aiortc", "chromium", "firefox", "janus", "pion", "roamhq-wrtc", "webrtcbin"]);
});

test("every other recorded answer is applied to an offer of ours of the same sections", () => {
  let applied = 0;
  for (const file of readdirSync(folder)) {
    // Those of "DTLS/SCTP" and of media that nobody knows answer what we do not offer.
    if (!/-answer[-.]/.test(file) || /to-parley|legacy-sctp|reject-unknown|empty/.test(file)) continue;
    const recorded = parseSdp(vector(file.slice(0, -4)));
    assert.ok(recorded.ok);
    const sections = recorded.description.media;
    const rids = sections.flatMap((section) => section.simulcast?.recv.map(([first]) => first!.rid) ?? []);
    const encodings = rids.map((rid, i) => ({ rid, ssrc: i + 1, rtxSsrc: null }));
    const a = new Side("a").with(
      ...sections
        .filter(({ kind }) => kind !== "application")
        .map(({ kind }, i) =>
          transceiver(
            `${i}`,
            kind as "audio" | "video",
            rids.length > 0 && kind === "video" ? { sender: { encodings } } : {},
          ),
        ),
    );
    const dataChannel = sections.some(({ kind }) => kind === "application");
    const offered = parseSdp(a.offer({ dataChannel }));
    assert.ok(offered.ok);
    const { media } = offered.description;
    assert.deepEqual(
      media.map(({ kind }) => kind),
      sections.map(({ kind }) => kind),
      file,
    );
    // What an answer repeats of its offer is ours: mids, and the numbers of header extensions.
    const mids = new Map(sections.map(({ mid }, i) => [mid, media[i]!.mid!]));
    const answer = writeSdp({
      ...recorded.description,
      groups: recorded.description.groups.map((group) => ({ ...group, mids: group.mids.map((mid) => mids.get(mid)!) })),
      media: sections.map((section, i) => ({
        ...section,
        mid: section.mid === undefined ? undefined : media[i]!.mid,
        protocol: media[i]!.protocol,
        extmaps: section.extmaps.flatMap((extmap) => {
          const ours = media[i]!.extmaps.find(({ uri }) => uri === extmap.uri);
          return ours === undefined ? [] : [{ ...extmap, id: ours.id }];
        }),
      })),
    });
    a.setRemote("answer", answer);
    for (const [i, section] of sections.entries()) {
      const slot = a.state.slots[i]!;
      assert.equal(slot.rejected, section.port === 0, file);
      if (slot.rejected || slot.kind === "application") continue;
      assert.ok(
        slot.media!.sendCodecs.some(({ role }) => role === "media"),
        file,
      );
      assert.equal(slot.media!.sendRids.length, section.simulcast === undefined ? 0 : rids.length, file);
    }
    assert.equal(
      a.state.sctp !== null,
      sections.some(({ kind, port }) => kind === "application" && port !== 0),
      file,
    );
    assert.equal(writeSdp(parsedText(a.state.currentRemote!.sdp)), writeSdp(parsedText(answer)));
    applied++;
  }
  assert.equal(applied, 14);
});
