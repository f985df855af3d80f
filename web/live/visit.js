// One socket to a worker with the connection that it offers, from hello to the end; another visit is another socket.

import { Refused, Unreachable } from "./api.js";

const HEARS_WITHIN_MS = 8_000;

/** @typedef {{mid: string, pointId: string, source: string, kind: "audio" | "video", live: boolean}} Carried */

export class Visit {
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
