// The worker's side of an RTCRtpScriptTransform: the RTCRtpScriptTransformer with its streams (webrtc-encoded-transform §4.2).
import { EncodedStreams } from "./encoded-streams.js";
import { domException } from "./errors.js";
import type { RTCEncodedFrameMetadata } from "./rtc-encoded-frame.js";
import {
  createKeyFrameRequestEvent,
  createTransformEvent,
  RTCRtpScriptTransformer,
  type RTCTransformEvent,
  type ScriptTransformerImpl,
} from "./rtc-rtp-script-transform.js";
import {
  FRAMES_PER_RECEIPT,
  type FromWorker,
  listen,
  postFrame,
  type ToWorker,
  type TransformMessage,
} from "./transform-port.js";
import { construct } from "./webidl.js";

interface Call {
  resolve(): void;
  reject(error: unknown): void;
}

class Transformer implements ScriptTransformerImpl {
  readonly options: unknown;
  readonly wrapper: RTCRtpScriptTransformer;
  private readonly streams: EncodedStreams;
  private readonly port: MessagePort;
  /** What times of the connection's thread lack of ours, milliseconds. */
  private readonly shift: number;
  private readonly calls = new Map<number, Call>();
  private nextCall = 0;
  private received = 0;

  constructor({ port, options, timeOrigin }: TransformMessage, ownTimeOrigin: number) {
    this.port = port;
    this.options = options;
    this.shift = timeOrigin - ownTimeOrigin;
    this.streams = new EncodedStreams(true, (unit) => {
      postFrame(port, { ...unit, metadata: this.shifted(unit.metadata, -this.shift) });
    });
    this.wrapper = construct(RTCRtpScriptTransformer, this);
    listen<ToWorker>(port, (message) => this.receive(message));
  }

  get readable(): object {
    return this.streams.readable;
  }
  get writable(): object {
    return this.streams.writable;
  }

  private shifted(metadata: RTCEncodedFrameMetadata, shift: number): RTCEncodedFrameMetadata {
    const { receiveTime, captureTime } = metadata;
    const times: RTCEncodedFrameMetadata = {};
    if (receiveTime !== undefined) times.receiveTime = receiveTime + shift;
    if (captureTime !== undefined) times.captureTime = captureTime + shift;
    return { ...metadata, ...times };
  }

  private post(message: FromWorker): void {
    this.port.postMessage(message);
  }

  private receive(message: ToWorker): void {
    switch (message.op) {
      case "frame":
        this.received++;
        if (this.received === FRAMES_PER_RECEIPT) {
          this.post({ op: "received", count: this.received });
          this.received = 0;
        }
        this.streams.push({ ...message, metadata: this.shifted(message.metadata, this.shift) });
        break;
      case "keyFrameRequest": {
        const event = createKeyFrameRequestEvent(message.rid);
        this.wrapper.dispatchEvent(event);
        if (!event.defaultPrevented) this.post({ op: "keyFrame", encoding: message.encoding });
        break;
      }
      case "reply": {
        const { call, error } = message;
        const waiting = this.calls.get(call);
        this.calls.delete(call);
        if (error === undefined) waiting?.resolve();
        else waiting?.reject(domException(error.name, error.message));
      }
    }
  }

  private call(send: (call: number) => void): Promise<void> {
    const call = this.nextCall++;
    return new Promise<void>((resolve, reject) => {
      this.calls.set(call, { resolve, reject });
      send(call);
    });
  }

  generateKeyFrame(rid: string | undefined): Promise<void> {
    return this.call((call) => this.post({ op: "generateKeyFrame", call, rid }));
  }
  sendKeyFrameRequest(): Promise<void> {
    return this.call((call) => this.post({ op: "sendKeyFrameRequest", call }));
  }
}

/** The event for the worker's global scope. `timeOrigin`: of the worker, Unix milliseconds. */
export function transformEvent(message: TransformMessage, timeOrigin: number): RTCTransformEvent {
  return createTransformEvent(new Transformer(message, timeOrigin).wrapper);
}
