// What stands between the source of a sender and its packets, or between the frames that a receiver has put together and their
// readers (webrtc-encoded-transform §2): the contract of RTCRtpScriptTransform, the SFrame transforms and createEncodedStreams.
import type { MediaKind } from "../jsep/codec-capabilities.js";
import { accessors } from "../util/accessors.js";
import { domException } from "./errors.js";
import type { EncodedVideoChunkType, RTCEncodedFrameMetadata } from "./rtc-encoded-frame.js";

/** A frame on its way through a transform; plain data, so that a worker can have it. */
export interface FrameUnit {
  /** Undefined: audio. */
  readonly type: EncodedVideoChunkType | undefined;
  readonly data: ArrayBuffer;
  readonly metadata: RTCEncodedFrameMetadata;
  /** What comes back as it was given. Undefined: the frame is of somebody else's. */
  readonly carried: unknown;
}

/** One sender or receiver, as its transform sees it. */
export interface TransformTarget {
  readonly kind: MediaKind;
  readonly isSender: boolean;
  /** A frame comes out; called with nothing else on the stack that is ours. Ignored once the transform was detached. */
  output(unit: FrameUnit): void;
  /** Of the sender's encodings. */
  readonly rids: readonly (string | null)[];
  /** Of a sender: asks the source for a key frame. */
  requestKeyFrame(encoding: number): void;
  /** Of a receiver: asks the peer for a key frame. */
  sendKeyFrameRequest(): void;
}

export interface FrameTransform {
  /** Takes a frame. May be called in the middle of a round: nothing of the program's is run before it is over. */
  push(unit: FrameUnit): void;
  /** The peer needs a key frame of an encoding; without this, the source is asked at once. */
  onKeyFrameRequest?(encoding: number): void;
  detach(): void;
}

export type AttachTransform = (target: TransformTarget) => FrameTransform;

interface Registered {
  readonly attach: AttachTransform;
  used: boolean;
}
const transforms = new WeakMap<object, Registered>();

/** To be called by the constructors of transforms. */
export function registerTransform(transform: object, attach: AttachTransform): void {
  transforms.set(transform, { attach, used: false });
}

/** What a slot is told of the one that it belongs to. */
export type SlotTarget = Omit<TransformTarget, "output">;

const makeTarget = accessors<TransformTarget, "rids">(["rids"]);

/** What a sender or receiver transforms its frames with. */
export class TransformSlot {
  /** The `transform` attribute. */
  attribute: object | null = null;
  private readonly target: SlotTarget;
  private readonly output: (unit: FrameUnit) => void;
  private readonly onChange: () => void;
  private current: FrameTransform | undefined;
  private hasStreams = false;

  constructor(target: SlotTarget, output: (unit: FrameUnit) => void, onChange: () => void = () => {}) {
    this.target = target;
    this.output = output;
    this.onChange = onChange;
  }

  get active(): boolean {
    return this.current !== undefined;
  }

  push(unit: FrameUnit): void {
    this.current?.push(unit);
  }

  /** False: nobody here sees to it. */
  onKeyFrameRequest(encoding: number): boolean {
    const { current } = this;
    if (current?.onKeyFrameRequest === undefined) return false;
    current.onKeyFrameRequest(encoding);
    return true;
  }

  /** Throws InvalidStateError if the transform is, or was, used somewhere. */
  set(transform: object | null, where: string): void {
    if (transform === this.attribute) return;
    if (this.hasStreams) throw domException("InvalidStateError", `${where}Encoded streams were created.`);
    const registered = transform === null ? undefined : transforms.get(transform)!;
    if (registered?.used) throw domException("InvalidStateError", `${where}The transform is already in use.`);
    this.attribute = transform;
    if (registered !== undefined) registered.used = true;
    this.use(registered?.attach);
  }

  /** For createEncodedStreams. */
  setStreams(attach: AttachTransform, where: string): void {
    if (this.hasStreams || this.attribute !== null) {
      throw domException("InvalidStateError", `${where}Encoded streams already created.`);
    }
    this.hasStreams = true;
    this.use(attach);
  }

  private use(attach: AttachTransform | undefined): void {
    this.current?.detach();
    this.current = undefined;
    if (attach !== undefined) {
      const { target } = this;
      const getters = { rids: () => target.rids };
      const view = makeTarget(getters, {
        kind: target.kind,
        isSender: target.isSender,
        requestKeyFrame: (encoding) => target.requestKeyFrame(encoding),
        sendKeyFrameRequest: () => target.sendKeyFrameRequest(),
        output: (unit) => {
          if (this.current === current) this.output(unit);
        },
      });
      const current: FrameTransform = attach(view);
      this.current = current;
    }
    this.onChange();
  }

  /** The connection is closed. */
  close(): void {
    this.current?.detach();
    this.current = undefined;
  }
}
