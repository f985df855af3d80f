// What a point watches: one connection that carries the whole room, offered by the worker over a socket.
//
// Rules: a place (the camera of a point, its ultrasound) has one stream from the first connection to the last, so a
// screen that shows it is never told of a new one; a connection that dies is replaced at once, and what it had brought
// stays on the screens until the new one moves; each attempt begins with a ticket that is asked for anew.

import { Refused, Unreachable, pause } from "./api.js";
import { received } from "./line.js";

const HEARS_WITHIN_MS = 8_000;
const LOOK_MS = 250;
// A room in which nothing moves brings a report each second only.
const QUIET_MS = 1_600;
const LONGEST_QUIET_MS = 15_000;
const SETTLED_MS = 10_000;
const LONGEST_PAUSE_MS = 4_000;
// A dead connection is closed so late, because a screen turns black with the connection that its last picture came over.
const KEPT_MS = 10_000;
const FINAL = new Set(["REMOVED_FROM_THE_ROOM", "CARE_NOT_UNDER_WAY", "ANOTHER_SESSION"]);

/** @typedef {{mid: string, pointId: string, source: string, kind: "audio" | "video", live: boolean}} Carried */

/**
 * The one connection. Events: "change" (its state), "lines" (what is carried), "said" (detail: rung, speaker, …).
 */
export class Watching extends EventTarget {
  /**
   * @param {(fresh: boolean) => Promise<any>} ticket
   * @param {(channel: RTCDataChannel) => void} [channel] a data channel that the worker opened
   */
  constructor(ticket, channel = () => {}) {
    super();
    Object.assign(this, { ticket, channel });
    this.name = "watch";
    /** @type {import("./line.js").LineState} */
    this.state = "connecting";
    this.fault = null;
    this.connections = 0;
    this.mendedMs = [];
    /** @type {string[]} why it broke, each time */
    this.breaks = [];
    this.brokenAt = 0;
    this.patience = QUIET_MS;
    /** @type {Visit | null} */
    this.visit = null;
    /** @type {Set<Visit>} dead ones, whose last pictures are still shown */
    this.kept = new Set();
    /** @type {Map<string, Place>} */
    this.places = new Map();
    this.wake = () => {};
    this.online = () => {
      this.suspect = true;
      this.wake();
    };
    addEventListener("online", this.online);
    this.held = this.#hold();
  }

  get pc() {
    return this.visit?.pc ?? null;
  }

  end() {
    if (this.state === "ended") return;
    removeEventListener("online", this.online);
    this.#say("ended");
    this.wake();
    for (const visit of [this.visit, ...this.kept]) visit?.close();
    this.kept.clear();
    this.visit = null;
  }

  /** Tells the worker something of this client's own lines. @param {object} message */
  tell(message) {
    this.visit?.send(message);
  }

  async #hold() {
    let failures = 0;
    let fresh = false;
    while (this.state !== "ended") {
      try {
        const visit = new Visit(await this.ticket(fresh), (what, detail) => this.#heard(visit, what, detail));
        await visit.begun().catch((fault) => {
          visit.close();
          throw fault;
        });
        if (this.state === "ended") return visit.close();
        const before = this.visit;
        this.visit = visit;
        this.connections += 1;
        failures = 0;
        if (this.brokenAt) this.mendedMs.push(Math.round(performance.now() - this.brokenAt));
        this.brokenAt = 0;
        this.#place(visit);
        this.#say("live");
        if (before) this.#keep(before);
        await this.#untilDead(visit);
        if (this.state === "ended") return;
        this.brokenAt = performance.now();
        this.breaks.push(visit.fault?.code ?? visit.fault?.message ?? "silent");
        this.#say("broken", visit.fault);
        if (FINAL.has(visit.fault?.code)) throw visit.fault;
      } catch (fault) {
        if (this.state === "ended") return;
        if (FINAL.has(fault.code)) return this.#refused(fault);
        failures += 1;
        this.#say("broken", fault);
        await this.#pause(Math.min(LONGEST_PAUSE_MS, 100 * 2 ** failures));
      }
      fresh = true;
    }
  }

  async #untilDead(visit) {
    const began = performance.now();
    let bytes = -1;
    let heard = began;
    let looked = began;
    this.suspect = false;
    while (this.state !== "ended" && !visit.over) {
      await this.#pause(LOOK_MS);
      const now = performance.now();
      // A page that was put to sleep, or had no processor, has heard nothing either; it looks again first.
      const slept = now - looked > 3 * LOOK_MS && !this.suspect;
      looked = now;
      const came = visit.pc ? await received(visit.pc) : 0;
      if (came !== bytes || slept || !visit.expects) {
        bytes = came;
        heard = now;
      } else if (now - heard > this.patience || (this.suspect && now - heard > QUIET_MS / 2)) {
        // One that was silent from its beginning says that a new one alone mends nothing: the next is given longer.
        this.patience = now - began < SETTLED_MS ? Math.min(2 * this.patience, LONGEST_QUIET_MS) : QUIET_MS;
        return;
      }
      if (now - began > SETTLED_MS) this.patience = QUIET_MS;
    }
  }

  #heard(visit, what, detail) {
    if (what === "channel") this.channel(detail);
    if (visit !== this.visit) return;
    if (what === "lines") this.#place(visit);
    else if (what === "said") this.dispatchEvent(new CustomEvent("said", { detail }));
    else if (what === "over") this.wake();
  }

  /** Brings the places to what the lines carry now. */
  #place(visit) {
    const carried = new Map();
    for (const line of visit.lines) {
      const key = `${line.pointId} ${line.source}`;
      carried.set(key, [...(carried.get(key) ?? []), line]);
    }
    for (const [key, place] of this.places) if (!carried.has(key)) place.carry([], visit);
    for (const [key, lines] of carried) {
      let place = this.places.get(key);
      if (!place) this.places.set(key, (place = new Place(this, lines[0].pointId, lines[0].source)));
      place.carry(lines, visit);
    }
    this.dispatchEvent(new Event("lines"));
  }

  #keep(visit) {
    this.kept.add(visit);
    setTimeout(() => {
      this.kept.delete(visit);
      visit.close();
    }, KEPT_MS);
  }

  #pause(ms) {
    return Promise.race([pause(ms), new Promise((done) => (this.wake = () => done(undefined)))]);
  }

  #refused(fault) {
    this.end();
    this.#say("refused", fault);
  }

  #say(state, fault = null) {
    const same = this.state === state && this.fault?.code === fault?.code;
    this.state = state;
    this.fault = fault;
    if (!same) this.dispatchEvent(new Event("change"));
  }
}

/** A camera, an ultrasound or a screen of a point, as it is shown here. */
class Place {
  constructor(watching, pointId, source) {
    Object.assign(this, { watching, pointId, source });
    this.stream = new MediaStream();
    /** @type {Carried[]} */
    this.lines = [];
    this.goneAt = 0;
  }

  get name() {
    return `watch ${this.source} of ${this.pointId}`;
  }

  get pc() {
    return this.watching.pc;
  }

  get mids() {
    return this.lines.map((one) => one.mid);
  }

  get live() {
    return this.lines.some((one) => one.live);
  }

  get hasPicture() {
    return this.lines.some((one) => one.live && one.kind === "video");
  }

  get state() {
    return this.watching.state !== "live" ? this.watching.state : this.live ? "live" : "waiting";
  }

  get connections() {
    return this.watching.connections;
  }

  get mendedMs() {
    return this.watching.mendedMs;
  }

  get fault() {
    return this.watching.fault;
  }

  /** @param {Carried[]} lines @param {Visit} visit */
  carry(lines, visit) {
    const before = this.live;
    this.lines = lines;
    if (before && !this.live) this.goneAt = performance.now();
    // What is no longer carried stays as its last picture; what is carried takes its place.
    if (!this.live) return;
    const tracks = lines.map((one) => visit.tracks.get(one.mid)).filter((one) => one !== undefined);
    for (const old of this.stream.getTracks()) if (!tracks.includes(old)) this.stream.removeTrack(old);
    for (const track of tracks) this.stream.addTrack(track);
  }
}

/** One socket with its connection, from hello to the end. */
class Visit {
  /** @param {any} ticket @param {(what: string, detail?: any) => void} told */
  constructor(ticket, told) {
    Object.assign(this, { ticket, told, over: false, fault: null, pc: null });
    /** @type {Carried[]} */
    this.lines = [];
    /** @type {Map<string, MediaStreamTrack>} */
    this.tracks = new Map();
    this.socket = new WebSocket(ticket.socketUrl);
    this.socket.onopen = () => this.send({ type: "hello", token: ticket.token });
    this.socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
    this.socket.onclose = ({ reason }) => this.#end(this.fault ?? (reason ? new Refused(reason, "") : new Unreachable("closed")));
    this.working = Promise.resolve();
  }

  /** It is connected, or there is nothing to see yet. */
  begun() {
    return new Promise((done, failed) => {
      const timer = setTimeout(() => (this.close(), failed(new Unreachable("nothing heard"))), HEARS_WITHIN_MS);
      this.ready = (fault) => {
        clearTimeout(timer);
        if (fault) failed(fault);
        else done(undefined);
      };
    });
  }

  /** Whether bytes have to come. */
  get expects() {
    return this.pc?.connectionState === "connected" && this.lines.some((one) => one.live);
  }

  send(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  close() {
    this.#hangUp();
    this.pc?.close();
  }

  #hangUp() {
    this.over = true;
    this.socket.onclose = this.socket.onmessage = null;
    this.socket.close(1000);
  }

  #end(fault) {
    if (this.over) return;
    this.fault = fault;
    this.#hangUp();
    this.ready?.(fault);
    this.told("over");
  }

  #take(message) {
    if (message.type === "offer") {
      this.working = this.working.then(() => this.#answer(message)).catch((fault) => this.#end(fault));
    } else if (message.type === "lines") {
      // In the order of the offers: a line is only there when its offer was answered.
      this.working = this.working.then(() => this.#carry(message.lines));
    } else if (message.type === "refused") {
      this.#end(new Refused(message.code, message.message));
    } else {
      this.told("said", message);
    }
  }

  #carry(lines) {
    this.lines = lines;
    if (!this.pc) this.ready?.();
    this.told("lines");
  }

  async #answer({ sdp, lines }) {
    this.pc ??= this.#connection();
    await this.pc.setRemoteDescription({ type: "offer", sdp });
    await this.pc.setLocalDescription(await this.pc.createAnswer());
    this.send({ type: "answer", sdp: this.pc.localDescription.sdp });
    this.#carry(lines);
  }

  #connection() {
    const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle", iceServers: this.ticket.iceServers ?? [] });
    pc.ontrack = ({ track, transceiver }) => {
      this.tracks.set(transceiver.mid, track);
      this.told("lines");
    };
    pc.ondatachannel = ({ channel }) => this.told("channel", channel);
    pc.onconnectionstatechange = () => {
      if (pc.connectionState === "connected") this.ready?.();
      else if (["failed", "disconnected"].includes(pc.connectionState)) this.#end(new Unreachable(pc.connectionState));
    };
    return pc;
  }
}
