// What a point watches: one connection that carries the whole room, offered by the worker over a socket.
//
// Rules: a place (the camera of a point, its ultrasound) has one stream from the first connection to the last, so a
// screen that shows it is never told of a new one; what a connection that died had brought stays on the screens until the
// new one moves.

import { Kept } from "./kept.js";
import { received } from "./line.js";
import { Place } from "./place.js";
import { Visit } from "./visit.js";

// A room in which nothing moves brings a report each second only.
const QUIET_MS = 1_600;
const LONGEST_QUIET_MS = 15_000;
const SETTLED_MS = 10_000;
// A dead connection is closed so late, because a screen turns black with the connection that its last picture came over.
const KEPT_MS = 10_000;
const FINAL = new Set(["REMOVED_FROM_THE_ROOM", "CARE_NOT_UNDER_WAY", "ANOTHER_SESSION"]);

/**
 * The one connection. Events: "change" (its state), "lines" (what is carried), "said" (detail: rung, speaker, …).
 */
export class Watching extends Kept {
  /**
   * @param {(failed: any) => Promise<any>} ticket one that is not the one that failed
   * @param {(channel: RTCDataChannel) => void} [channel] a data channel that the worker opened
   */
  constructor(ticket, channel = () => {}) {
    super("watch", ticket, FINAL);
    this.channel = channel;
    this.quietMs = QUIET_MS;
    this.began = 0;
    this.moments = 0;
    /** @type {Set<Visit>} dead ones, whose last pictures are still shown */
    this.dead = new Set();
    /** @type {Map<string, Place>} */
    this.places = new Map();
    this.keep();
  }

  /** @returns {Visit | null} */
  get visit() {
    return this.connection;
  }

  get pc() {
    return this.visit?.pc ?? null;
  }

  end() {
    super.end();
    for (const visit of this.dead) visit.close();
    this.dead.clear();
  }

  /** Tells the worker something of this client's own lines. @param {object} message */
  tell(message) {
    this.visit?.send(message);
  }

  async connect(ticket) {
    const visit = new Visit(ticket, (what, detail) => this.#heard(visit, what, detail));
    try {
      await visit.begun();
      return visit;
    } catch (fault) {
      visit.close();
      throw fault;
    }
  }

  stands(visit) {
    this.began = performance.now();
    this.#place(visit);
  }

  retire(visit) {
    this.dead.add(visit);
    setTimeout(() => {
      this.dead.delete(visit);
      visit.close();
    }, KEPT_MS);
  }

  drop(visit) {
    visit?.close();
  }

  isOver(visit) {
    return visit.over;
  }

  /** Where nothing has to come, each moment counts as something that came. */
  async heard(visit) {
    return visit.expects ? received(visit.pc) : `nothing ${(this.moments += 1)}`;
  }

  patience(now) {
    const settled = now - this.began > SETTLED_MS;
    if (settled) this.quietMs = QUIET_MS;
    return this.doubted ? QUIET_MS / 2 : this.quietMs;
  }

  /** One that was silent from its beginning says that a new one alone mends nothing: the next is given longer. */
  silent() {
    const young = performance.now() - this.began < SETTLED_MS;
    this.quietMs = young ? Math.min(2 * this.quietMs, LONGEST_QUIET_MS) : QUIET_MS;
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
}
