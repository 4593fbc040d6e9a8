// The connection's side of an RTCRtpScriptTransform: frames go to the worker's thread and come back (webrtc-encoded-transform
// §4.2). The worker's side is script-transformer.ts.
import { defaultPlatform } from "./environment.js";
import type { FrameTransform, FrameUnit, TransformTarget } from "./frame-transform.js";
import { encodingOf } from "./frame-units.js";
import {
  type CallError,
  type FromWorker,
  listen,
  MAX_FRAMES_UNDER_WAY,
  postFrame,
  type ToWorker,
  TRANSFORM_KEY,
  type TransformMessage,
} from "./transform-port.js";

/** What a Worker of any runtime has. */
export interface WorkerLike {
  postMessage(message: unknown, transfer?: readonly object[]): void;
}

/** RFC 8851 §10 has no limit; 16 is what peers take. */
const RID = /^[a-zA-Z0-9]{1,16}$/;

interface KeyFrameCall {
  readonly call: number;
  readonly encoding: number;
}

export class ScriptTransform {
  private readonly port: MessagePort;
  private target: TransformTarget | undefined;
  private isDetached = false;
  private underWay = 0;
  private waiting: KeyFrameCall[] = [];
  /** Frames that the worker was too slow for. */
  dropped = 0;

  /** Throws what postMessage throws, a DataCloneError above all. */
  constructor(worker: WorkerLike, options: unknown, transfer: readonly object[]) {
    const { port1, port2 } = new MessageChannel();
    const { timeOrigin } = defaultPlatform();
    try {
      const message: TransformMessage = { [TRANSFORM_KEY]: true, port: port2, options, timeOrigin };
      worker.postMessage(message, [port2, ...transfer]);
    } catch (error) {
      port1.close();
      throw error;
    }
    this.port = port1;
    listen<FromWorker>(port1, (message) => this.receive(message));
  }

  attach(target: TransformTarget): FrameTransform {
    this.target = target;
    return {
      push: (unit) => this.push(unit),
      onKeyFrameRequest: (encoding) =>
        this.post({ op: "keyFrameRequest", encoding, rid: target.rids[encoding] ?? null }),
      detach: () => {
        this.isDetached = true;
        this.port.close();
      },
    };
  }

  private post(message: ToWorker): void {
    this.port.postMessage(message);
  }

  private push(unit: FrameUnit): void {
    if (unit.type === "key") this.keyFrame(encodingOf(unit));
    if (this.underWay >= MAX_FRAMES_UNDER_WAY) {
      this.dropped++;
      return;
    }
    this.underWay++;
    postFrame(this.port, unit);
  }

  /** Whoever has waited for it hears of it before the frame comes. */
  private keyFrame(encoding: number): void {
    if (this.waiting.length === 0) return;
    const done = this.waiting.filter((call) => call.encoding === encoding);
    this.waiting = this.waiting.filter((call) => call.encoding !== encoding);
    for (const { call } of done) this.reply(call);
  }

  private reply(call: number, name?: CallError["name"], message = ""): void {
    this.post({ op: "reply", call, error: name === undefined ? undefined : { name, message } });
  }

  private receive(message: FromWorker): void {
    const { target } = this;
    if (this.isDetached) return;
    switch (message.op) {
      case "frame":
        target?.output(message);
        break;
      case "received":
        this.underWay = Math.max(0, this.underWay - message.count);
        break;
      case "keyFrame":
        target?.requestKeyFrame(message.encoding);
        break;
      case "generateKeyFrame":
        this.generateKeyFrame(message.call, message.rid);
        break;
      case "sendKeyFrameRequest":
        if (target === undefined || target.isSender || target.kind !== "video") {
          this.reply(message.call, "InvalidStateError", "The transformer is not one of a video receiver.");
        } else {
          target.sendKeyFrameRequest();
          this.reply(message.call);
        }
        break;
    }
  }

  private generateKeyFrame(call: number, rid: string | undefined): void {
    const { target } = this;
    if (!target?.isSender || target.kind !== "video") {
      this.reply(call, "InvalidStateError", "The transformer is not one of a video sender.");
    } else if (rid !== undefined && !RID.test(rid)) {
      this.reply(call, "NotAllowedError", "The rid is not valid.");
    } else {
      const encoding = rid === undefined ? 0 : target.rids.indexOf(rid);
      if (encoding < 0) {
        this.reply(call, "NotFoundError", `There is no encoding '${rid}'.`);
        return;
      }
      this.waiting.push({ call, encoding });
      target.requestKeyFrame(encoding);
    }
  }
}
