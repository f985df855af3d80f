// What people say in writing, point at and do with a picture, over the data channels of the room.
//
// Rules: a message has an id of its own and is sent again over the next channel until it is answered, so it is said once
// however often the line breaks; it is shown when the log has it; a pointer is worth its moment and is never repeated.

import { Refused, Unreachable } from "./api.js";

const MOST = 500;
const ANSWERED_WITHIN_MS = 15_000;
const POINTER_EVERY_MS = 50;
const SAID = `query ($id: UUID!, $after: String) {
  liveMessages(liveSessionId: $id, first: 50, after: $after) {
    nodes { version messageId participantId text writtenAt } pageInfo { hasNextPage endCursor }
  }
}`;

/** Events: "change", "pointer" (detail: who points where), "muted" (detail: whether I am). */
export class Talk extends EventTarget {
  /** @param {import("./session.js").Session} session */
  constructor(session) {
    super();
    this.session = session;
    /** @type {{id: string, point: string | null, mine: boolean, text: string, at: number}[]} */
    this.messages = [];
    this.unread = 0;
    /** @type {Set<string>} points that ask for the floor */
    this.hands = new Set();
    /** @type {Set<string>} participants who are silenced */
    this.muted = new Set();
    this.handUp = false;
    /** @type {RTCDataChannel | null} the one on which the room has greeted us */
    this.room = null;
    /** @type {RTCDataChannel | null} */
    this.pointer = null;
    this.pointedAt = 0;
    /** @type {Map<string, {message: any, done: (it: any) => void, failed: (fault: Error) => void}>} */
    this.waiting = new Map();
  }

  get ready() {
    return this.room?.readyState === "open";
  }

  /** Opens the channels on a connection of ours. @param {RTCPeerConnection} pc */
  open(pc) {
    this.attach(pc.createDataChannel("room"));
    this.attach(pc.createDataChannel("pointer", { ordered: false, maxRetransmits: 0 }));
  }

  /** @param {RTCDataChannel} channel that we or the worker opened */
  attach(channel) {
    if (channel.label === "pointer") channel.addEventListener("open", () => (this.pointer = channel));
    if (channel.label === "pointer" && channel.readyState === "open") this.pointer = channel;
    channel.addEventListener("close", () => this.#changed());
    channel.addEventListener("message", ({ data }) => {
      this.#take(JSON.parse(data), channel);
      this.#changed();
    });
  }

  /** Says something that the room answers; raises Refused. @param {any} message without its id */
  tell(message) {
    if (!this.ready) return Promise.reject(new Refused("CHANNEL_NOT_OPEN", ""));
    const said = { id: crypto.randomUUID(), ...message };
    return new Promise((done, failed) => {
      this.waiting.set(said.id, { message: said, done, failed });
      this.#send(said);
      setTimeout(() => this.waiting.delete(said.id) && failed(new Unreachable("not answered")), ANSWERED_WITHIN_MS);
    });
  }

  say(text) {
    return this.tell({ type: "chat", text });
  }

  /** @param {string} trackId @param {{x: number, y: number}} place */
  point(trackId, { x, y }, rtp, up = false) {
    const now = performance.now();
    if (this.pointer?.readyState !== "open" || (!up && now - this.pointedAt < POINTER_EVERY_MS)) return;
    this.pointedAt = now;
    this.pointer.send(JSON.stringify({ type: "pointer", trackId, x, y, up, ...(rtp === undefined ? {} : { rtp }) }));
  }

  hand() {
    if (!this.ready) return;
    this.handUp = !this.handUp;
    this.#send({ type: "hand", up: this.handUp });
    this.#changed();
  }

  read() {
    this.unread = 0;
  }

  close() {
    this.room = this.pointer = null;
    for (const { failed } of this.waiting.values()) failed(new Unreachable("left"));
    this.waiting.clear();
  }

  #send(message) {
    if (this.ready) this.room.send(JSON.stringify(message));
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }

  #take(message, channel) {
    const take = {
      room: () => this.#greeted(message, channel),
      chat: () => this.#hear(message),
      pointer: () => this.dispatchEvent(new CustomEvent("pointer", { detail: message })),
      hands: () => this.#raised(message.participantIds),
      muted: () => this.#silenced(message.participantIds),
      recorded: () => this.#answered(message.id, ({ done }) => done(message)),
      refused: () => this.#answered(message.id, ({ failed }) => failed(new Refused(message.code, message.message))),
      removed: () => this.session.removed(new Refused(message.code, "")),
    }[message.type];
    take?.();
  }

  #greeted(message, channel) {
    this.room = channel;
    this.#raised(message.hands);
    this.#silenced(message.muted);
    for (const { message: said } of this.waiting.values()) this.#send(said);
    this.#catchUp();
  }

  /** What was said before this channel stood. */
  async #catchUp() {
    try {
      for (let after = null, more = true; more; ) {
        const { liveMessages } = await this.session.api.ask(SAID, { id: this.session.ticket.liveSessionId, after });
        for (const one of liveMessages.nodes) {
          this.#hear({ id: one.messageId, participantId: one.participantId, text: one.text, at: one.writtenAt }, false);
        }
        [after, more] = [liveMessages.pageInfo.endCursor, liveMessages.pageInfo.hasNextPage];
      }
      this.#changed();
    } catch {
      // What is said from now on comes all the same.
    }
  }

  #hear({ id, participantId, pointId, text, at }, fresh = true) {
    if (this.messages.some((one) => one.id === id)) return;
    const mine = participantId === this.session.ticket.participantId;
    this.messages.push({ id, mine, point: pointId ?? this.session.pointOf(participantId), text, at: Date.parse(at) });
    this.messages.sort((one, other) => one.at - other.at);
    this.messages.splice(0, Math.max(0, this.messages.length - MOST));
    if (fresh && !mine) this.unread += 1;
  }

  #raised(participantIds) {
    this.hands = new Set(participantIds.map((one) => this.session.pointOf(one)).filter(Boolean));
    this.handUp = participantIds.includes(this.session.ticket.participantId);
  }

  #silenced(participantIds) {
    this.muted = new Set(participantIds);
  }

  #answered(id, tell) {
    const waited = this.waiting.get(id);
    this.waiting.delete(id);
    if (waited) tell(waited);
  }
}
