// MediaDevices, MediaDeviceInfo, InputDeviceInfo and DeviceChangeEvent (Media Capture and Streams §9, §10). There is no user
// to ask: permission is granted, and a device's identity shows once the program has opened one of its kind (§9.2.1).
import type { MediaKind } from "../jsep/codec-capabilities.js";
import type { Platform } from "../peer/platform.js";
import { boolean, type Converter, dictionary, frozenArray, interfaceType } from "./conversions.js";
import { defaultPlatform } from "./environment.js";
import type { EventHandler, EventHandlerRead, EventInit, TypedEventTargetConstructor } from "./event-handlers.js";
import { eventArguments, eventDictionary } from "./events.js";
import {
  copyPlain,
  type MediaTrackCapabilities,
  type MediaTrackConstraints,
  type MediaTrackSettings,
  type MediaTrackSupportedConstraints,
  mediaTrackConstraints,
  selectSettings,
  supportedConstraints,
} from "./media-constraints.js";
import { type MediaStream, StreamImpl } from "./media-stream.js";
import { TrackImpl } from "./media-stream-track.js";
import { OverconstrainedError } from "./overconstrained-error.js";
import { type AudioOutput, DeviceSource, type MediaDevice } from "./synthetic-devices.js";
import { construct, defineInterface, executing, takeImpl } from "./webidl.js";

export type MediaDeviceKind = "audioinput" | "audiooutput" | "videoinput";

// -- MediaDeviceInfo

interface DeviceInfoImpl {
  readonly deviceId: string;
  readonly kind: MediaDeviceKind;
  readonly label: string;
  readonly groupId: string;
  /** Null while the device may not be told apart from others. */
  readonly device: MediaDevice | null;
}

let deviceInfoImplOf: (info: MediaDeviceInfo) => DeviceInfoImpl;

export class MediaDeviceInfo {
  readonly #impl: DeviceInfoImpl = takeImpl();

  get deviceId(): string {
    return this.#impl.deviceId;
  }
  get kind(): MediaDeviceKind {
    return this.#impl.kind;
  }
  get label(): string {
    return this.#impl.label;
  }
  get groupId(): string {
    return this.#impl.groupId;
  }

  toJSON(): { deviceId: string; kind: MediaDeviceKind; label: string; groupId: string } {
    const { deviceId, kind, label, groupId } = this.#impl;
    return { deviceId, kind, label, groupId };
  }

  static {
    deviceInfoImplOf = (info) => info.#impl;
    defineInterface(MediaDeviceInfo, { name: "MediaDeviceInfo", brand: (o) => #impl in o });
  }
}

export class InputDeviceInfo extends MediaDeviceInfo {
  readonly #isInput = true;

  getCapabilities(): MediaTrackCapabilities {
    return copyPlain(deviceInfoImplOf(this).device?.capabilities() ?? {});
  }

  static {
    defineInterface(InputDeviceInfo, { name: "InputDeviceInfo", brand: (o) => #isInput in o });
  }
}

// -- DeviceChangeEvent

export interface DeviceChangeEventInit extends EventInit {
  devices?: readonly MediaDeviceInfo[];
}

const deviceChangeEventInit = eventDictionary<DeviceChangeEventInit>("DeviceChangeEventInit", {
  devices: { type: frozenArray(interfaceType<MediaDeviceInfo>("MediaDeviceInfo")), default: () => Object.freeze([]) },
});

const NONE: readonly MediaDeviceInfo[] = Object.freeze([]);

export class DeviceChangeEvent extends Event {
  readonly #devices: readonly MediaDeviceInfo[];

  constructor(...args: [type: string, eventInitDict?: DeviceChangeEventInit]) {
    const [type, init] = eventArguments(args, 1, "DeviceChangeEvent", deviceChangeEventInit);
    super(type, init);
    this.#devices = init.devices!;
  }

  get devices(): readonly MediaDeviceInfo[] {
    return this.#devices;
  }
  get userInsertedDevices(): readonly MediaDeviceInfo[] {
    return NONE;
  }

  static {
    defineInterface(DeviceChangeEvent, {
      name: "DeviceChangeEvent",
      brand: (o) => #devices in o,
      constructorLength: 1,
    });
  }
}

// -- MediaDevices

export interface MediaStreamConstraints {
  video?: boolean | MediaTrackConstraints;
  audio?: boolean | MediaTrackConstraints;
}

const booleanOrConstraints: Converter<boolean | MediaTrackConstraints> = (value, where) =>
  value === null || typeof value === "object" || typeof value === "function"
    ? mediaTrackConstraints(value, where)
    : boolean(value, where);

const mediaStreamConstraints = dictionary<Required<MediaStreamConstraints>>("MediaStreamConstraints", {
  video: { type: booleanOrConstraints, default: () => false },
  audio: { type: booleanOrConstraints, default: () => false },
});

const KINDS: readonly MediaKind[] = ["audio", "video"];

export class MediaDevicesImpl {
  readonly wrapper: MediaDevices;
  private readonly devices: readonly MediaDevice[];
  private readonly outputs: readonly AudioOutput[];
  /** The kinds of which a device has been opened. */
  private readonly exposed = new Set<MediaKind>();

  constructor(devices: readonly MediaDevice[], outputs: readonly AudioOutput[]) {
    this.devices = devices;
    this.outputs = outputs;
    this.wrapper = construct(MediaDevices, this);
  }

  get platform(): Platform {
    return defaultPlatform();
  }

  enumerate(): MediaDeviceInfo[] {
    const out: MediaDeviceInfo[] = [];
    for (const kind of KINDS) {
      const devices = this.devices.filter((device) => device.kind === kind);
      const isExposed = this.exposed.has(kind);
      // Unexposed, one stands for all.
      for (const device of isExposed ? devices : devices.slice(0, 1)) {
        const { deviceId, label, groupId } = isExposed ? device : { deviceId: "", label: "", groupId: "" };
        const impl: DeviceInfoImpl = {
          deviceId,
          kind: `${kind}input`,
          label,
          groupId,
          device: isExposed ? device : null,
        };
        out.push(construct(InputDeviceInfo, impl));
      }
    }
    // Audio Output Devices API §4: exposed with a microphone of their group.
    for (const output of this.exposed.has("audio") ? this.outputs : []) {
      const { deviceId, label, groupId } = output;
      if (!this.devices.some((device) => device.kind === "audio" && device.groupId === groupId)) continue;
      const impl: DeviceInfoImpl = { deviceId, kind: "audiooutput", label, groupId, device: null };
      out.push(construct(MediaDeviceInfo, impl));
    }
    return out;
  }

  /** Throws NotFoundError or an OverconstrainedError. */
  open(constraints: Required<MediaStreamConstraints>): MediaStream {
    const chosen: { device: MediaDevice; settings: MediaTrackSettings; constraints: MediaTrackConstraints }[] = [];
    for (const kind of KINDS) {
      const given = constraints[kind];
      if (given === false) continue;
      const wanted = given === true ? {} : given;
      const devices = this.devices.filter((device) => device.kind === kind);
      if (devices.length === 0) throw new DOMException("Requested device not found", "NotFoundError");
      const candidates = devices.flatMap((device) =>
        device.candidates(wanted).map((settings) => ({ device, settings })),
      );
      const names = new Set(devices.flatMap((device) => Object.keys(device.capabilities())));
      const selection = selectSettings(candidates, wanted, (name) => names.has(name));
      if (!selection.ok) throw new OverconstrainedError(selection.constraint, "Cannot satisfy constraints");
      chosen.push({ ...selection.candidate, constraints: wanted });
    }
    const { platform } = this;
    const tracks = chosen.map(({ device, settings, constraints }) => {
      const { kind, label } = device;
      this.exposed.add(kind);
      return new TrackImpl({
        platform,
        kind,
        label,
        source: new DeviceSource(device, platform),
        settings,
        constraints,
      });
    });
    return new StreamImpl(platform, tracks).wrapper;
  }

  /** Runs `run` in a task. */
  inTask<T>(run: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.platform.queueTask(() => {
        try {
          resolve(run());
        } catch (error) {
          reject(error);
        }
      });
    });
  }
}

export interface MediaDevicesEventMap {
  devicechange: DeviceChangeEvent;
}
/** See EventHandlerRead. */
interface MediaDevicesHandlers {
  get ondevicechange(): EventHandlerRead;
  set ondevicechange(handler: EventHandler<DeviceChangeEvent>);
}
const MediaDevicesTarget: TypedEventTargetConstructor<MediaDevicesEventMap, MediaDevicesHandlers> =
  EventTarget as never;

export class MediaDevices extends MediaDevicesTarget {
  readonly #impl: MediaDevicesImpl = takeImpl();

  enumerateDevices(): Promise<MediaDeviceInfo[]> {
    return this.#impl.inTask(() => this.#impl.enumerate());
  }
  getSupportedConstraints(): MediaTrackSupportedConstraints {
    return supportedConstraints();
  }
  getUserMedia(constraints?: MediaStreamConstraints): Promise<MediaStream> {
    const where = executing("getUserMedia", "MediaDevices");
    const converted = mediaStreamConstraints(constraints, where);
    if (converted.audio === false && converted.video === false) {
      throw new TypeError(`${where}At least one of audio and video must be requested`);
    }
    return this.#impl.inTask(() => this.#impl.open(converted));
  }

  static {
    defineInterface(MediaDevices, {
      name: "MediaDevices",
      brand: (o) => #impl in o,
      required: { getUserMedia: 0 },
      promises: ["enumerateDevices", "getUserMedia"],
      handlers: ["devicechange"],
    });
  }
}

export function createMediaDevices(
  devices: readonly MediaDevice[],
  outputs: readonly AudioOutput[] = [],
): MediaDevices {
  return new MediaDevicesImpl(devices, outputs).wrapper;
}
