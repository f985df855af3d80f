// What people say in writing and point at, over a data channel of the connection that sends their camera.
//
// Rules: a message has an id of its own and is sent until it is answered, so it is said once however often the line
// breaks; a pointer is only worth its moment and is never repeated.

import { Refused } from "./api.js";

const MOST = 500;

export class Talk extends EventTarget {
  /** @param {import("./session.js").Session} session */
  constructor(session) {
    super();
    this.session = session;
    /** @type {{id: string, point: string, text: string, at: number, state: string}[]} */
    this.messages = [];
    this.unread = 0;
    /** @type {Set<string>} */
    this.hands = new Set();
    this.handUp = false;
    /** @type {RTCDataChannel | null} */
    this.channel = null;
  }

  get ready() {
    return this.channel?.readyState === "open";
  }

  /** @param {RTCDataChannel} channel of the newest connection */
  attach(channel) {
    const changed = () => this.dispatchEvent(new Event("change"));
    channel.onopen = () => {
      this.channel = channel;
      changed();
    };
    channel.onclose = changed;
    channel.onmessage = ({ data }) => {
      try {
        this.#take(JSON.parse(data));
      } catch {
        return;
      }
      changed();
    };
  }

  async say(text) {
    if (!this.ready) throw new Refused("CHANNEL_NOT_OPEN", "");
    this.channel.send(JSON.stringify({ type: "chat", id: crypto.randomUUID(), text }));
    return true;
  }

  point(trackId, { x, y }) {
    if (this.ready) this.channel.send(JSON.stringify({ type: "pointer", trackId, x, y }));
  }

  hand() {
    if (!this.ready) return;
    this.handUp = !this.handUp;
    this.channel.send(JSON.stringify({ type: "hand", up: this.handUp }));
    this.dispatchEvent(new Event("change"));
  }

  read() {
    this.unread = 0;
  }

  close() {
    this.channel = null;
  }

  #take(message) {
    if (message.type === "chat") {
      if (this.messages.some((one) => one.id === message.id)) return;
      this.messages.push({ id: message.id, point: message.pointId, text: message.text, at: Date.parse(message.at), state: "said" });
      this.messages.splice(0, Math.max(0, this.messages.length - MOST));
      if (message.pointId !== this.session.ticket.pointId) this.unread += 1;
    } else if (message.type === "hand") {
      if (message.up) this.hands.add(message.pointId);
      else this.hands.delete(message.pointId);
    } else if (message.type === "pointer") {
      this.dispatchEvent(new CustomEvent("pointer", { detail: message }));
    }
  }
}
