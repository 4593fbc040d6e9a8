// What a program gives as an encoded frame, checked before it goes anywhere: as Web IDL converts a dictionary, with a TypeError
// that names the member.
import type { EncodedFrameInit } from "../peer/media.js";
import {
  boolean,
  bufferSource,
  type Dictionary,
  dictionary,
  domString,
  double,
  octet,
  sequence,
  unsignedLong,
  unsignedShort,
} from "../w3c/conversions.js";

/** `mimeType`: of a frame that is not what the track's others are, such as "audio/CN"; it needs their clock rate. */
export type FrameInit = Omit<EncodedFrameInit, "mimeType"> & { readonly mimeType?: string };

export const frameInit: Dictionary<FrameInit> = dictionary<FrameInit>("EncodedFrameInit", {
  data: { type: bufferSource, required: true },
  timestamp: { type: unsignedLong, required: true },
  keyFrame: { type: boolean, default: () => false },
  payloadType: { type: octet },
  mimeType: { type: domString },
  csrcs: { type: sequence(unsignedLong) },
  audioLevel: { type: octet },
  voiceActivity: { type: boolean },
  captureTime: { type: double },
  temporalIndex: { type: octet },
  spatialIndex: { type: octet },
  spatialLayers: { type: octet },
  endOfPicture: { type: boolean },
  discardable: { type: boolean },
  layerSync: { type: boolean },
  interLayerPredicted: { type: boolean },
  referenceDiffs: { type: sequence(octet) },
  pictureId: { type: unsignedShort },
  tl0PictureIndex: { type: octet },
  width: { type: unsignedShort },
  height: { type: unsignedShort },
  startOfTalkspurt: { type: boolean },
  dependencyDescriptor: { type: bufferSource },
  rotation: { type: unsignedShort },
});
