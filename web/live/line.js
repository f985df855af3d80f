// One connection to a media worker that is held for as long as it is wanted.
//
// Rules: a line that dies is replaced at once by a new connection, and the old one is closed when the new one stands, so
// a change of network shows as little as it can; "dead" is what the connection says of itself, or a second in which no
// byte came; each new connection begins with a ticket that is asked for anew, because the worker of before may be gone;
// pauses grow to four seconds and end when the browser comes back online; what no repetition can mend ends the line.

import { Refused, Unreachable, pause } from "./api.js";

const CONNECTS_WITHIN_MS = 8_000;
const LOOK_MS = 250;
const LONGEST_PAUSE_MS = 4_000;
const FINAL = new Set([
  "SOURCE_NOT_GRANTED", "ANOTHER_SESSION", "CODEC_NOT_OFFERED", "SDP_UNACCEPTABLE", "ONE_SOURCE_A_CONNECTION",
  "REMOVED_FROM_THE_ROOM", "OBSERVERS_ARE_SILENT", "NO_ULTRASOUND_HERE",
]);

/** @typedef {"connecting" | "live" | "broken" | "waiting" | "refused" | "ended"} LineState */

export class Line extends EventTarget {
  /**
   * @param {object} how
   * @param {string} how.name for people who look for a fault
   * @param {(fresh: boolean) => Promise<any>} how.ticket
   * @param {(ticket: any) => string} how.address where the offer goes
   * @param {(pc: RTCPeerConnection) => void | Promise<void>} how.prepare puts the tracks or receivers on it
   * @param {(pc: RTCPeerConnection) => void} [how.stands] it is connected
   * @param {number} [how.quietMs] after how long without a byte the line is dead
   */
  constructor({ name, ticket, address, prepare, stands = () => {}, quietMs = 1_000 }) {
    super();
    Object.assign(this, { name, ticket, address, prepare, stands, quietMs });
    /** @type {LineState} */
    this.state = "connecting";
    /** @type {RTCPeerConnection | null} */
    this.pc = null;
    this.fault = null;
    this.connections = 0;
    this.brokenAt = 0;
    this.mendedMs = [];
    this.wake = () => {};
    this.online = () => {
      this.suspect = true;
      this.wake();
    };
    addEventListener("online", this.online);
    this.held = this.#hold();
  }

  /** Ends it in good order: the worker is told, and nobody waits for the answer. */
  end() {
    if (this.state === "ended") return;
    removeEventListener("online", this.online);
    this.#say("ended");
    this.wake();
    this.#drop(this.pc);
    this.pc = null;
  }

  async #hold() {
    let failures = 0;
    let fresh = false;
    while (this.state !== "ended") {
      try {
        const pc = await this.#connected(await this.ticket(fresh));
        if (this.state === "ended") return this.#drop(pc);
        const before = this.pc;
        this.pc = pc;
        this.connections += 1;
        failures = 0;
        if (this.brokenAt) this.mendedMs.push(Math.round(performance.now() - this.brokenAt));
        this.brokenAt = 0;
        this.stands(pc);
        this.#say("live");
        this.#drop(before);
        await this.#untilDead(pc);
        if (this.state === "ended") return;
        this.brokenAt = performance.now();
        this.#say("broken");
      } catch (fault) {
        if (this.state === "ended") return;
        if (FINAL.has(fault.code)) return this.#refused(fault);
        failures += 1;
        this.#say(fault.code === "NOTHING_IS_LIVE" ? "waiting" : "broken", fault);
        const given = fault.code === "NOTHING_IS_LIVE" ? 300 : 0;
        await this.#pause(Math.max(given, Math.min(LONGEST_PAUSE_MS, 100 * 2 ** failures)));
      }
      fresh = true;
    }
  }

  async #connected(ticket) {
    const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle", iceServers: ticket.iceServers ?? [] });
    try {
      await this.prepare(pc);
      await exchange(pc, this.address(ticket), ticket.token);
      await connection(pc, CONNECTS_WITHIN_MS);
      return pc;
    } catch (fault) {
      this.#drop(pc);
      throw fault;
    }
  }

  async #untilDead(pc) {
    let bytes = -1;
    let silentSince = performance.now();
    let looked = performance.now();
    this.suspect = false;
    while (this.state !== "ended" && !["failed", "closed", "disconnected"].includes(pc.connectionState)) {
      await this.#pause(LOOK_MS);
      const now = performance.now();
      const came = await received(pc);
      // A page that was put to sleep, or had no processor, has heard nothing either; it looks again first.
      const slept = now - looked > 3 * LOOK_MS && !this.suspect;
      looked = now;
      if (came !== bytes || slept) {
        bytes = came;
        silentSince = now;
      } else if (now - silentSince > this.quietMs || (this.suspect && now - silentSince > this.quietMs / 2)) {
        return;
      }
    }
  }

  #pause(ms) {
    return Promise.race([pause(ms), new Promise((done) => (this.wake = () => done(undefined)))]);
  }

  #refused(fault) {
    removeEventListener("online", this.online);
    this.#drop(this.pc);
    this.pc = null;
    this.#say("refused", fault);
  }

  /** @param {LineState} state */
  #say(state, fault = null) {
    const same = this.state === state && this.fault?.code === fault?.code;
    this.state = state;
    this.fault = fault;
    if (!same) this.dispatchEvent(new Event("change"));
  }

  /** @param {(RTCPeerConnection & {goodbye?: () => void}) | null} pc */
  #drop(pc) {
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
