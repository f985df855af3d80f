// Stills of an ultrasound: without any loss from the point that sends it, from the next key frame elsewhere.

import { Unreachable } from "./api.js";
import { refusal } from "./line.js";

/**
 * The picture of a track as it is now, as the browser holds it.
 * @param {MediaStreamTrack} track @returns {Promise<{png: Blob, takenAt: number, width: number, height: number}>}
 */
export async function picture(track) {
  const video = document.createElement("video");
  video.muted = true;
  video.srcObject = new MediaStream([track]);
  await video.play();
  await new Promise((done) => video.requestVideoFrameCallback(done));
  const takenAt = Date.now();
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  canvas.getContext("2d").drawImage(video, 0, 0);
  video.srcObject = null;
  const png = await canvas.convertToBlob({ type: "image/png" });
  return { png, takenAt, width: canvas.width, height: canvas.height };
}

/**
 * Hands in what the sending browser held.
 * @param {any} ticket @param {string} trackId @param {{png: Blob, takenAt: number}} still @param {number} rtpTimestamp
 * @returns {Promise<any>} what was stored
 */
export async function handIn(ticket, trackId, { png, takenAt }, rtpTimestamp) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await png.arrayBuffer()));
  const named = btoa(String.fromCharCode(...digest));
  return post(ticket, trackId, png, {
    "Content-Type": "image/png",
    "Content-Digest": `sha-256=:${named}:`,
    "RTP-Timestamp": String(rtpTimestamp),
    "Taken-At": String(takenAt),
  });
}

/** Asks the worker for the next key frame. @param {any} ticket @param {string} trackId */
export const keyFrame = (ticket, trackId) => post(ticket, trackId, null, {});

async function post(ticket, trackId, body, headers) {
  const url = new URL(`/stills/${ticket.liveSessionId}/${trackId}`, ticket.whepTemplate);
  let reply;
  try {
    const signal = AbortSignal.timeout(30_000);
    reply = await fetch(url, { method: "POST", body, signal, headers: { ...headers, Authorization: `Bearer ${ticket.token}` } });
  } catch (fault) {
    throw new Unreachable(String(fault));
  }
  if (reply.status !== 201) throw await refusal(reply);
  return reply.json();
}
