// The twenty kinds of channel, and what is sent on each.

/**
 * - `by`: who creates it (with `negotiated` both do); `early`: before the offer, so that it is part of the first handshake.
 * - `lossy`: may lose messages by its options, so what arrives has to be a part of what was sent.
 * - `largest`: also carries messages of the largest size the receiver allows.
 */
export const KINDS = [
  { name: "reliable", by: "offerer", early: true, largest: true },
  { name: "unordered", by: "answerer", options: { ordered: false }, largest: true },
  { name: "no retransmission", by: "offerer", early: true, options: { maxRetransmits: 0 }, lossy: true },
  { name: "no retransmission, unordered", by: "answerer", options: { ordered: false, maxRetransmits: 0 }, lossy: true },
  { name: "10 retransmissions", by: "answerer", options: { maxRetransmits: 10 } },
  {
    name: "10 retransmissions, unordered",
    by: "offerer",
    early: true,
    options: { ordered: false, maxRetransmits: 10 },
  },
  { name: "30 s life", by: "offerer", options: { maxPacketLifeTime: 30000 } },
  { name: "30 s life, unordered", by: "answerer", options: { ordered: false, maxPacketLifeTime: 30000 } },
  { name: "50 ms life", by: "answerer", options: { maxPacketLifeTime: 50 }, lossy: true },
  { name: "negotiated", early: true, options: { negotiated: true, id: 100 }, largest: true },
  { name: "negotiated, unordered", options: { negotiated: true, id: 51, ordered: false } },
  { name: "negotiated, 10 retransmissions", early: true, options: { negotiated: true, id: 52, maxRetransmits: 10 } },
  {
    name: "negotiated, unordered, 30 s life, protocol",
    options: { negotiated: true, id: 53, ordered: false, maxPacketLifeTime: 30000, protocol: "negotiated" },
  },
  { name: "protocol", by: "offerer", early: true, options: { protocol: "json" } },
  { name: "unicode protocol", by: "answerer", options: { protocol: "протокол/語/🚀", ordered: false } },
  { name: "empty label", label: "", by: "offerer", early: true },
  { name: "unicode label", label: "канал 語 🚀 ñ", by: "answerer" },
  { name: "longest label", label: "long".repeat(16384).slice(1), by: "offerer" },
  { name: "high priority", by: "offerer", options: { priority: "high" } },
  { name: "same label again", label: "reliable", by: "answerer", options: { priority: "very-low" } },
].map((kind) => ({ label: kind.name, options: {}, lossy: false, largest: false, early: false, ...kind }));

/**
 * The kind as `creator` and `other`, the limits of the two sides, can have it; what had to be changed is added to `notes`.
 * A negotiated channel has two creators and no DATA_CHANNEL_OPEN.
 */
export function fit(kind, creator, other, notes) {
  const options = { ...kind.options };
  let { label } = kind;
  for (const [name, reason] of Object.entries({ ...other.options, ...creator.options })) {
    if (options[name] === undefined) continue;
    delete options[name];
    notes.add(`no ${name}: ${reason}`);
  }
  for (const limit of [creator.label, other.label]) {
    if (!limit || label.length <= limit.bytes) continue;
    label = label.slice(0, limit.bytes);
    notes.add(`label of ${limit.bytes} bytes at most: ${limit.reason}`);
  }
  if (options.negotiated) {
    const reason = creator.late ?? other.late;
    if (reason && !kind.early) notes.add(`"${kind.name}" created before the offer: ${reason}`);
    return { ...kind, label, options, early: kind.early || reason !== undefined };
  }
  if (creator.ascii) {
    const ascii = (text) => text.replace(/[^ -~]/gu, "?");
    if (ascii(label) !== label || ascii(options.protocol ?? "") !== (options.protocol ?? "")) {
      notes.add(`labels in ASCII: ${creator.ascii}`);
      label = ascii(label);
      if (options.protocol) options.protocol = ascii(options.protocol);
    }
  }
  const partial = options.maxRetransmits !== undefined || options.maxPacketLifeTime !== undefined;
  if (creator.ordered && options.ordered === false && partial) {
    notes.add(`"${kind.name}" ordered: ${creator.ordered}`);
    delete options.ordered;
  }
  return { ...kind, label, options };
}

/** Sizes every channel carries, in bytes: as text and as binary, in both directions. */
export const SIZES = [0, 1, 65536];
