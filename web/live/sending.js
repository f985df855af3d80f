// What a point sends: a camera with its sound, an ultrasound, a screen. Each source is a connection of its own.
//
// Rules: a camera may become smaller before it stutters, and is sent in up to three sizes, of which each viewer gets the
// one that its line carries; an ultrasound keeps its resolution whatever happens, and is given the line first.

import { Line } from "./line.js";

const CAMERA = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } };
const ULTRASOUND = { width: { ideal: 1920 }, height: { ideal: 1080 }, frameRate: { ideal: 30, max: 30 } };
const SOUND = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
export const ULTRASOUND_BITS = 6_000_000;

/**
 * Opens a camera, with the microphone; raises what getUserMedia raises.
 * @param {{camera?: string, microphone?: string, picture?: boolean, sound?: boolean, size?: object}} [wanted]
 */
export function openCamera({ camera, microphone, picture = true, sound = true, size = {} } = {}) {
  return navigator.mediaDevices.getUserMedia({
    video: picture && { ...CAMERA, ...size, ...(camera ? { deviceId: { exact: camera } } : {}) },
    audio: sound && { ...SOUND, ...(microphone ? { deviceId: { exact: microphone } } : {}) },
  });
}

/** Opens the ultrasound: a capture card or a scanner that is a camera to the browser. */
export async function openUltrasound(device, size = {}) {
  const video = { ...ULTRASOUND, ...size, ...(device ? { deviceId: { exact: device } } : {}) };
  const stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
  for (const track of stream.getVideoTracks()) track.contentHint = "detail";
  return stream;
}

/** Opens a window or a screen. */
export async function openScreen() {
  const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 15 } }, audio: false });
  for (const track of stream.getVideoTracks()) track.contentHint = "detail";
  return stream;
}

/**
 * The sizes in which a camera is sent: each half of the next, and none that nobody could use.
 * @param {number} height @returns {RTCRtpEncodingParameters[]}
 */
export function layersOf(height) {
  if (height >= 540) {
    return [
      { rid: "l", scaleResolutionDownBy: 4, maxBitrate: 150_000 },
      { rid: "m", scaleResolutionDownBy: 2, maxBitrate: 500_000 },
      { rid: "h", scaleResolutionDownBy: 1, maxBitrate: 1_700_000 },
    ];
  }
  if (height >= 320) {
    return [
      { rid: "l", scaleResolutionDownBy: 2, maxBitrate: 150_000 },
      { rid: "h", scaleResolutionDownBy: 1, maxBitrate: 800_000 },
    ];
  }
  return [{ maxBitrate: 300_000 }];
}

/**
 * A line that sends one source.
 * @param {"camera" | "ultrasound" | "screen" | "audio"} source @param {MediaStream} stream
 * @param {{ticket: (failed: any) => Promise<any>, channels?: (pc: RTCPeerConnection) => void}} room
 */
export function sending(source, stream, room) {
  const detail = source !== "camera" && source !== "audio";
  const line = new Line({
    name: `send ${source}`,
    ticket: room.ticket,
    address: (ticket) => {
      const found = ticket.whip.find((one) => one.source.toLowerCase() === source);
      if (!found) throw Object.assign(new Error("not granted"), { code: "SOURCE_NOT_GRANTED" });
      return found.url;
    },
    prepare: async (pc) => {
      for (const track of stream.getTracks()) {
        const picture = track.kind === "video";
        const sendEncodings = !picture ? [{ priority: "high", networkPriority: "high" }]
          : detail ? [{ maxBitrate: ULTRASOUND_BITS, priority: "high", networkPriority: "high" }]
          : layersOf(track.getSettings().height ?? 720);
        const transceiver = pc.addTransceiver(track, { direction: "sendonly", sendEncodings });
        if (picture) {
          prefer(transceiver, detail ? ["video/H264", "video/VP9", "video/VP8"] : ["video/VP8", "video/H264"]);
          if (detail) await keepResolution(transceiver.sender);
        }
      }
      if (source === "camera") room.channels?.(pc);
    },
  });
  line.source = source;
  line.stream = stream;
  line.pictureAsked = true;
  return line;
}

/** Puts codecs into an order; those that are not named come after. */
function prefer(transceiver, order) {
  const known = RTCRtpSender.getCapabilities("video")?.codecs ?? [];
  const place = (codec) => {
    const at = order.indexOf(codec.mimeType);
    return at < 0 ? order.length : at;
  };
  const usable = known.filter((one) => one.mimeType !== "video/H264" || /42[ec]01f|42001f/i.test(one.sdpFmtpLine ?? ""));
  transceiver.setCodecPreferences([...usable].sort((a, b) => place(a) - place(b)));
}

async function keepResolution(sender) {
  const parameters = sender.getParameters();
  parameters.degradationPreference = "maintain-resolution";
  await sender.setParameters(parameters).catch(() => {});
}
