// The camera's peer connection: picture in three simulcast layers and sound to Node, and what Node sends back.
import { CONTROL, LAYERS, type LayerReport, parseCameraControl, writeCameraControl } from "./camera-wire.js";
import { type MediaFigures, mediaFigures } from "./media-figures.js";
import { Signalling } from "./signalling.js";

export type CameraState = "off" | "starting" | "on" | "failed";

export interface CameraHost {
  onState(state: CameraState, reason: string): void;
  /** The visitor's own picture. */
  onOwn(stream: MediaStream): void;
  onReturned(stream: MediaStream): void;
  onLayers(layers: readonly LayerReport[], current: string | null, dropped: number): void;
  /** Node listens: what was chosen before can be said. */
  onControl(): void;
  onLog(text: string): void;
}

export class Camera {
  readonly #host: CameraHost;
  readonly #pc = new RTCPeerConnection();
  readonly #control: RTCDataChannel;
  readonly #signalling: Signalling;
  #own: MediaStream | undefined;
  #state: CameraState = "starting";
  #figures: MediaFigures | undefined;

  constructor(host: CameraHost) {
    this.#host = host;
    const pc = this.#pc;
    this.#control = pc.createDataChannel(CONTROL);
    this.#control.addEventListener("open", () => host.onControl());
    this.#control.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
      const message = typeof data === "string" ? parseCameraControl(data) : undefined;
      if (message?.type === "report") host.onLayers(message.layers, message.current, message.dropped);
    });
    const returned = new MediaStream();
    pc.addEventListener("track", ({ track }) => {
      returned.addTrack(track);
      if (track.kind === "video") host.onReturned(returned);
    });
    pc.addEventListener("connectionstatechange", () => {
      host.onLog(`camera: connection ${pc.connectionState}`);
      if (pc.connectionState === "connected") this.#enter("on");
      else if (pc.connectionState === "failed") this.close("failed", "no path to the Node peer works (any more)");
    });
    this.#signalling = new Signalling(pc, "camera", {
      onCandidate: () => {},
      onClosed: (reason) => this.close("off", reason),
      onNode: () => {},
      onLog: host.onLog,
    });
  }

  get state(): CameraState {
    return this.#state;
  }

  get figures(): MediaFigures | undefined {
    return this.#figures;
  }

  /** What the camera itself gives. */
  get cameraRate(): number {
    return this.#own?.getVideoTracks()[0]?.getSettings().frameRate ?? 0;
  }

  /** Asks for the devices and connects; a failure is reported as a state. */
  async start(): Promise<void> {
    this.#enter("starting");
    try {
      const own = await navigator.mediaDevices.getUserMedia({
        // Large enough for browsers to make three layers of it.
        video: { width: { ideal: 960 }, height: { ideal: 540 } },
        audio: { echoCancellation: true },
      });
      this.#own = own;
      if (this.#state !== "starting") return stop(own);
      this.#host.onOwn(own);
      for (const track of own.getTracks()) {
        track.addEventListener("ended", () => this.close("off", `the ${track.kind} device was taken away`));
        const sendEncodings = LAYERS.map(({ rid, scale, maxBitrate }) => ({
          rid,
          scaleResolutionDownBy: scale,
          maxBitrate,
        }));
        this.#pc.addTransceiver(track, {
          direction: "sendrecv",
          streams: [own],
          ...(track.kind === "video" ? { sendEncodings } : {}),
        });
      }
      await this.#signalling.run();
    } catch (error) {
      this.close("failed", error instanceof Error ? error.message : String(error));
    }
  }

  /** Null: the highest that arrives. */
  selectLayer(rid: string | null): void {
    this.#send(writeCameraControl({ type: "layer", rid }));
  }

  setLoss(percent: number): void {
    this.#send(writeCameraControl({ type: "loss", percent }));
  }

  #send(text: string): void {
    if (this.#control.readyState === "open") this.#control.send(text);
  }

  /** Reads the statistics. */
  async measure(): Promise<MediaFigures | undefined> {
    if (this.#state !== "on") return undefined;
    this.#figures = mediaFigures((await this.#pc.getStats()) as unknown as Map<string, object>, this.#figures);
    return this.#figures;
  }

  close(state: "off" | "failed" = "off", reason = ""): void {
    if (this.#state === "off" || this.#state === "failed") return;
    this.#signalling.leave();
    this.#pc.close();
    if (this.#own !== undefined) stop(this.#own);
    this.#enter(state, reason);
  }

  #enter(state: CameraState, reason = ""): void {
    this.#state = state;
    this.#host.onState(state, reason);
  }
}

function stop(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}
