// A connection that is kept for as long as it is wanted: what a line that sends and the one that watches have in common.
//
// Rules: one that dies is replaced by a new one at once; a ticket is told from one that led nowhere, so whoever asks next
// gets one that is newer, and all lines together ask once; pauses are a quarter of the time that it has taken so far,
// uneven, so that a crowd does not come at one moment, and end when the browser comes back online; what no repetition
// can mend ends it.

import { pause } from "./api.js";

const SHORTEST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 4_000;
const LOOK_MS = 250;
const LOOK_IN_DOUBT_MS = 100;
const IN_DOUBT_MS = 2_000;

/** @typedef {"connecting" | "live" | "broken" | "waiting" | "refused" | "ended"} State */

/**
 * Events: "change" (its state). Subclasses say how a connection comes about (`connect`), what it does once it stands
 * (`stands`, if anything), what it heard so far (`heard`) and how long it may hear nothing (`patience`, ms), whether it says itself
 * that it is over (`isOver`), how it is closed (`drop`), and, where it is not closed at once, what is to become of it when
 * another stands (`retire`).
 */
export class Kept extends EventTarget {
  /** @param {string} name for people who look for a fault @param {(failed: any) => Promise<any>} ticket
   * @param {Set<string>} final codes that no repetition mends */
  constructor(name, ticket, final) {
    super();
    Object.assign(this, { name, ticket, final });
    /** @type {State} */
    this.state = "connecting";
    this.fault = null;
    this.connection = null;
    this.connections = 0;
    this.brokenAt = 0;
    this.mendedMs = [];
    /** @type {string[]} why it broke, each time */
    this.breaks = [];
    this.doubtedUntil = 0;
    this.wake = () => {};
    this.online = () => this.doubt();
    addEventListener("online", this.online);
  }

  /** Something says that it may be dead: it is looked at closely for a while, and not waited for. */
  doubt() {
    this.doubtedUntil = performance.now() + IN_DOUBT_MS;
    this.wake();
  }

  get doubted() {
    return performance.now() < this.doubtedUntil;
  }

  stands() {}

  retire(connection) {
    this.drop(connection);
  }

  /** It heard nothing for too long. */
  silent() {}

  /** Ends it in good order. */
  end() {
    if (this.state === "ended") return;
    removeEventListener("online", this.online);
    this.#say("ended");
    this.wake();
    this.drop(this.connection);
    this.connection = null;
  }

  /** Once the subclass is whole. */
  async keep() {
    let failed = null;
    let since = performance.now();
    while (this.state !== "ended") {
      let used = failed;
      try {
        used = await this.ticket(failed);
        const made = await this.connect(used);
        if (this.state === "ended") return this.drop(made);
        this.#take(made);
        await this.#untilDead(made);
        if (this.state === "ended") return;
        const fault = made.fault ?? null;
        this.brokenAt = since = performance.now();
        this.doubtedUntil = 0;
        this.breaks.push(fault?.code ?? fault?.message ?? "silent");
        this.#say("broken", fault);
        if (this.final.has(fault?.code)) throw fault;
      } catch (fault) {
        if (this.state === "ended") return;
        if (this.final.has(fault.code)) return this.#refused(fault);
        this.#say(fault.code === "NOTHING_IS_LIVE" ? "waiting" : "broken", fault);
        const taken = (performance.now() - since) / 4;
        await this.pause(Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, taken)) * (0.75 + Math.random() / 2));
      }
      failed = used;
    }
  }

  #take(made) {
    const before = this.connection;
    this.connection = made;
    this.connections += 1;
    if (this.brokenAt) this.mendedMs.push(Math.round(performance.now() - this.brokenAt));
    this.brokenAt = 0;
    this.stands(made);
    this.#say("live");
    if (before) this.retire(before);
  }

  /** Looks at it again and again: a connection rarely says by itself that nobody is there any more. */
  async #untilDead(made) {
    let bytes = -1;
    let heard = performance.now();
    let looked = heard;
    while (this.state !== "ended" && !this.isOver(made)) {
      await this.pause(this.doubted ? LOOK_IN_DOUBT_MS : LOOK_MS);
      const now = performance.now();
      const came = await this.heard(made);
      // A page that was put to sleep, or had no processor, has heard nothing either; it looks again first.
      const slept = now - looked > 3 * LOOK_MS && !this.doubted;
      looked = now;
      if (came !== bytes || slept) {
        bytes = came;
        heard = now;
      } else if (now - heard > this.patience(now)) {
        return this.silent();
      }
    }
  }

  pause(ms) {
    return Promise.race([pause(ms), new Promise((done) => (this.wake = () => done(undefined)))]);
  }

  #refused(fault) {
    this.end();
    this.#say("refused", fault);
  }

  /** @param {State} state */
  #say(state, fault = null) {
    const same = this.state === state && this.fault?.code === fault?.code;
    this.state = state;
    this.fault = fault;
    if (!same) this.dispatchEvent(new Event("change"));
  }
}
