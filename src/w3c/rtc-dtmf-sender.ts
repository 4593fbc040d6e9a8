// RTCDTMFSender (webrtc-pc §7): the queue of tones. Sending a tone as RTP (RFC 4733) is the host's.
import type { Platform } from "../peer/platform.js";
import { domString, unsignedLong } from "./conversions.js";
import { domException } from "./errors.js";
import type { EventHandler, EventHandlerRead, TypedEventTargetConstructor } from "./event-handlers.js";
import { fire } from "./events.js";
import { RTCDTMFToneChangeEvent } from "./rtc-events.js";
import { construct, defineInterface, executing, takeImpl } from "./webidl.js";

/** Milliseconds. */
const MIN_DURATION = 40;
const MAX_DURATION = 6000;
const DEFAULT_DURATION = 100;
const MIN_GAP = 30;
const MAX_GAP = 6000;
const DEFAULT_GAP = 70;
const PAUSE = 2000;

export interface DtmfHost {
  readonly platform: Pick<Platform, "setTimer">;
  /** Queues a task that is dropped once the connection is closed. */
  queueTask(run: () => void): void;
  /** "Determine if DTMF can be sent". */
  canInsertDtmf(): boolean;
  /** Starts playing a tone: one of 0-9, A-D, #, *. */
  playTone(tone: string, duration: number): void;
}

export class DtmfSenderImpl {
  readonly wrapper: RTCDTMFSender;
  readonly host: DtmfHost;
  toneBuffer = "";
  private duration = DEFAULT_DURATION;
  private gap = DEFAULT_GAP;
  private isScheduled = false;

  constructor(host: DtmfHost) {
    this.host = host;
    this.wrapper = construct(RTCDTMFSender, this);
  }

  insert(tones: string, duration: number, gap: number): void {
    const where = executing("insertDTMF", "RTCDTMFSender");
    if (!this.host.canInsertDtmf()) {
      throw domException(
        "InvalidStateError",
        `${where}The 'canInsertDTMF' attribute is false: this sender cannot send DTMF.`,
      );
    }
    const normalized = tones.toUpperCase();
    if (!/^[0-9A-D#*,]*$/.test(normalized)) {
      throw domException("InvalidCharacterError", `${where}Illegal characters in InsertDTMF tone argument`);
    }
    this.toneBuffer = normalized;
    this.duration = Math.min(Math.max(duration, MIN_DURATION), MAX_DURATION);
    this.gap = Math.min(Math.max(gap, MIN_GAP), MAX_GAP);
    if (normalized === "" || this.isScheduled) return;
    this.isScheduled = true;
    this.host.queueTask(() => this.play());
  }

  /** The playout task. */
  private play(): void {
    this.isScheduled = false;
    if (!this.host.canInsertDtmf()) return;
    const tone = this.toneBuffer.slice(0, 1);
    this.toneBuffer = this.toneBuffer.slice(1);
    if (tone !== "") {
      this.isScheduled = true;
      if (tone !== ",") this.host.playTone(tone, this.duration);
      const delay = tone === "," ? PAUSE : this.duration + this.gap;
      this.host.platform.setTimer(() => this.host.queueTask(() => this.play()), delay, false);
    }
    fire(this.wrapper, new RTCDTMFToneChangeEvent("tonechange", { tone }));
  }
}

export interface RTCDTMFSenderEventMap {
  tonechange: RTCDTMFToneChangeEvent;
}
/** See EventHandlerRead. */
interface RTCDTMFSenderHandlers {
  get ontonechange(): EventHandlerRead;
  set ontonechange(handler: EventHandler<RTCDTMFToneChangeEvent>);
}
const DtmfTarget: TypedEventTargetConstructor<RTCDTMFSenderEventMap, RTCDTMFSenderHandlers> = EventTarget as never;

export class RTCDTMFSender extends DtmfTarget {
  readonly #impl: DtmfSenderImpl = takeImpl();

  /** Durations in milliseconds. */
  insertDTMF(tones: string, duration?: number, interToneGap?: number): void {
    const where = executing("insertDTMF", "RTCDTMFSender");
    this.#impl.insert(
      domString(tones, where),
      duration === undefined ? DEFAULT_DURATION : unsignedLong(duration, where),
      interToneGap === undefined ? DEFAULT_GAP : unsignedLong(interToneGap, where),
    );
  }

  get canInsertDTMF(): boolean {
    return this.#impl.host.canInsertDtmf();
  }
  get toneBuffer(): string {
    return this.#impl.toneBuffer;
  }

  static {
    defineInterface(RTCDTMFSender, {
      name: "RTCDTMFSender",
      brand: (o) => #impl in o,
      required: { insertDTMF: 1 },
      handlers: ["tonechange"],
    });
  }
}
