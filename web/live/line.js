// A line that sends one source to a media worker, or watches one, by an offer over HTTP (WHIP, WHEP).
//
// Rules: the old connection is closed when the new one stands, so a change of network shows as little as it can; "dead"
// is what the connection says of itself, or a second in which no byte came.

import { Refused, Unreachable } from "./api.js";
import { Kept } from "./kept.js";

const CONNECTS_WITHIN_MS = 8_000;
const FINAL = new Set([
  "SOURCE_NOT_GRANTED", "ANOTHER_SESSION", "CODEC_NOT_OFFERED", "SDP_UNACCEPTABLE", "ONE_SOURCE_A_CONNECTION",
  "REMOVED_FROM_THE_ROOM", "OBSERVERS_ARE_SILENT", "NO_ULTRASOUND_HERE",
]);

export class Line extends Kept {
  /**
   * @param {object} how
   * @param {string} how.name for people who look for a fault
   * @param {(failed: any) => Promise<any>} how.ticket one that is not the one that failed
   * @param {(ticket: any) => string} how.address where the offer goes
   * @param {(pc: RTCPeerConnection) => void | Promise<void>} how.prepare puts the tracks or receivers on it
   * @param {number} [how.quietMs] after how long without a byte the line is dead
   */
  constructor({ name, ticket, address, prepare, quietMs = 1_000 }) {
    super(name, ticket, FINAL);
    Object.assign(this, { address, prepare, quietMs });
    this.keep();
  }

  /** @returns {RTCPeerConnection | null} */
  get pc() {
    return this.connection;
  }

  async connect(ticket) {
    const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle", iceServers: ticket.iceServers ?? [] });
    try {
      await this.prepare(pc);
      await exchange(pc, this.address(ticket), ticket.token);
      await connection(pc, CONNECTS_WITHIN_MS);
      return pc;
    } catch (fault) {
      this.drop(pc);
      throw fault;
    }
  }

  isOver(pc) {
    return ["failed", "closed", "disconnected"].includes(pc.connectionState);
  }

  heard(pc) {
    return received(pc);
  }

  patience() {
    return this.doubted ? this.quietMs / 2 : this.quietMs;
  }

  /** The worker is told, and nobody waits for the answer. @param {(RTCPeerConnection & {goodbye?: () => void}) | null} pc */
  drop(pc) {
    if (!pc) return;
    pc.goodbye?.();
    pc.close();
  }
}

/** The offer to the worker, and its answer (WHIP, WHEP). */
async function exchange(pc, url, token) {
  await pc.setLocalDescription(await pc.createOffer());
  const headers = { "Content-Type": "application/sdp", Authorization: `Bearer ${token}` };
  let reply;
  try {
    reply = await fetch(url, {
      method: "POST", headers, body: pc.localDescription.sdp, signal: AbortSignal.timeout(CONNECTS_WITHIN_MS),
    });
  } catch (fault) {
    throw new Unreachable(String(fault));
  }
  if (reply.status !== 201) throw await refusal(reply);
  const place = new URL(reply.headers.get("Location") ?? "", url).href;
  pc.goodbye = () => void fetch(place, { method: "DELETE", headers: { Authorization: headers.Authorization }, keepalive: true })
    .catch(() => {});
  await pc.setRemoteDescription({ type: "answer", sdp: await reply.text() });
}

/** @param {Response} reply application/problem+json */
export async function refusal(reply) {
  const said = await reply.json().catch(() => ({}));
  const after = Number(reply.headers.get("Retry-After")) || undefined;
  return new Refused(said.code ?? `HTTP_${reply.status}`, said.title ?? "", after);
}

function connection(pc, ms) {
  return new Promise((done, failed) => {
    const timer = setTimeout(() => failed(new Unreachable("not connected in time")), ms);
    const look = () => {
      if (pc.connectionState === "connected") done(undefined);
      else if (["failed", "closed"].includes(pc.connectionState)) failed(new Unreachable(pc.connectionState));
      else return;
      clearTimeout(timer);
    };
    pc.addEventListener("connectionstatechange", look);
    look();
  });
}

/** How many bytes of media and reports came over it. */
export async function received(pc) {
  let bytes = 0;
  for (const one of (await pc.getStats()).values()) if (one.type === "transport") bytes += one.bytesReceived ?? 0;
  return bytes;
}
