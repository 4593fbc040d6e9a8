// The frames of one received stream: its jitter buffer, and what it gives as EncodedFrame.

import type { BufferBudget } from "./buffer-budget.js";
import type { HeaderExtensions } from "./extensions.js";
import { RedBlocks } from "./fec/red.js";
import type { WholeFrame } from "./frame-assembler.js";
import type { FrameCounters } from "./frame-counters.js";
import { type FrameHead, JitterBuffer, type JitterBufferHost } from "./jitter-buffer.js";
import { RtpPacket } from "./packet.js";
import type { RtpReceiveStream } from "./receive-stream.js";
import type { EncodedFrame, RtpCodec } from "./types.js";

const FIRST_CYCLE_MASK = 0xffff;
/** The first packets of a key frame, in which its size is looked for. */
const MAX_SEARCHED = 4;

export class FrameSource implements JitterBufferHost {
  readonly buffer: JitterBuffer;
  private readonly stream: RtpReceiveStream;
  private readonly budget: BufferBudget;
  private readonly blocks = new RedBlocks();
  private readonly block = new RtpPacket();

  constructor(stream: RtpReceiveStream, counters: FrameCounters, budget: BufferBudget) {
    this.stream = stream;
    this.budget = budget;
    this.buffer = new JitterBuffer(stream.receiver.kind === "audio", this, counters, budget);
  }

  /** Nothing will be asked of it any more. */
  close(): void {
    this.buffer.assembler.reset();
    this.budget.remove(this.buffer.assembler);
  }

  insert(number: number, packet: RtpPacket, codec: RtpCodec, extensions: HeaderExtensions, now: number): void {
    const { stream, buffer } = this;
    const { receiver } = stream;
    const format = receiver.format(codec.payloadType);
    if (format === undefined) return;
    buffer.paced = receiver.pacedFrames;
    stream.notePlayoutDelay();
    buffer.minimumDelay = Math.max(receiver.jitterBufferTarget ?? 0, stream.playoutDelay);
    buffer.retransmissions = receiver.nack;
    buffer.roundTripTime = stream.roundTripEstimate;
    const redundant = codec.mimeType.toLowerCase() === "audio/red" && packet.payloadLength > 0;
    if (redundant) this.insertBlocks(number, packet, extensions, now);
    else buffer.insert(number, packet, codec, format, extensions, now);
  }

  /** RFC 2198: the packet repeats the payloads of those right before it. */
  private insertBlocks(number: number, packet: RtpPacket, extensions: HeaderExtensions, now: number): void {
    const { block, blocks, buffer } = this;
    const { receiver } = this.stream;
    if (!blocks.parse(packet.data, packet.payloadOffset, packet.payloadLength)) return;
    const { count } = blocks;
    if (!block.parse(packet.data, packet.length)) return;
    for (let i = 0; i < count; i++) {
      const age = count - 1 - i;
      const codec = receiver.payload(blocks.payloadTypes[i]!)?.codec;
      const format = codec === undefined ? undefined : receiver.format(codec.payloadType);
      if (codec === undefined || format === undefined || (age > 0 && !buffer.lacks(number - age))) continue;
      if (age > 0 && blocks.lengths[i] === 0) continue;
      block.payloadType = codec.payloadType;
      block.timestamp = (packet.timestamp - blocks.timestampOffsets[i]!) >>> 0;
      block.payloadOffset = blocks.offsets[i]!;
      block.payloadLength = blocks.lengths[i]!;
      buffer.insert(number - age, block, codec, format, extensions, now);
    }
  }

  onFrame(frame: WholeFrame, head: FrameHead, payloads: readonly Uint8Array[], count: number, now: number): void {
    const { stream, buffer } = this;
    const { codec, format } = head;
    // What lies before it would be of no use any more.
    stream.nackList?.dropBefore(frame.first);
    const depacketizer = buffer.depacketizer(format);
    const info = depacketizer.inspect(payloads[0]!);
    const known = info !== undefined;
    const temporalIndex = known && info.temporalIndex >= 0 ? info.temporalIndex : undefined;
    const spatialIndex = known && info.spatialIndex >= 0 ? info.spatialIndex : undefined;
    let size = info;
    // Parameter sets may lie behind a delimiter.
    for (let i = 1; frame.keyFrame && size?.width === 0 && i < Math.min(count, MAX_SEARCHED); i++) {
      size = depacketizer.inspect(payloads[i]!);
    }
    const width = size !== undefined && size.width > 0 ? size.width : undefined;
    const height = size !== undefined && size.height > 0 ? size.height : undefined;
    if (width !== undefined && height !== undefined) stream.noteSize(width, height);
    const data = depacketizer.assemble(payloads, count);
    if (data === undefined) {
      buffer.counters.framesDropped++;
      if (format.kind === "video") this.onKeyFrameNeeded(now);
      return;
    }
    const captureTime = Number.isNaN(head.captureTime)
      ? stream.clock.at(frame.timestamp, codec.clockRate)
      : head.captureTime;
    const encoded: EncodedFrame = {
      data,
      timestamp: frame.timestamp,
      keyFrame: frame.keyFrame,
      payloadType: codec.payloadType,
      mimeType: codec.mimeType,
      marker: head.marker,
      captureTime: Number.isNaN(captureTime) ? undefined : captureTime,
      absoluteCaptureTime: Number.isNaN(head.captureTime) ? undefined : head.captureTime,
      captureClockOffset: Number.isNaN(head.captureOffset) ? undefined : head.captureOffset,
      firstSequenceNumber: frame.first & FIRST_CYCLE_MASK,
      lastSequenceNumber: frame.last & FIRST_CYCLE_MASK,
      receiveTime: frame.arrival,
      audioLevel: head.audioLevel < 0 ? undefined : head.audioLevel & 127,
      voiceActivity: head.audioLevel < 0 ? undefined : head.audioLevel > 127,
      csrcs: head.csrcs,
      temporalIndex,
      spatialIndex,
      width,
      height,
      dependencyDescriptor: head.dependencyDescriptor,
    };
    stream.receiver.host.onFrame?.(encoded, stream);
  }

  onKeyFrameNeeded(now: number): void {
    if (this.stream.receiver.kind === "video") this.stream.requestKeyFrame(now);
  }
}
