// The large picture, with what people point at and draw on it.
//
// Rules: it shows what was chosen by hand, else what is frozen, else an ultrasound, else who has the floor, else who
// speaks; drawings and pointers are in parts of the picture, so that they are at the same place on every screen; a
// picture that is not good enough for a diagnosis says so as long as it is shown.

import { el, icon } from "./dom.js";
import { Drawing } from "./drawing.js";
import { bars } from "./room.js";
import { handIn, keyFrame, picture } from "../live/still.js";
import { say } from "./words.js";

const TOOLS = ["pointer", "freehand", "arrow", "ellipse"];

export class Stage {
  /** @param {import("./room.js").Room} room */
  constructor(room) {
    this.room = room;
    this.shown = null;
    this.tool = null;
    this.video = el("video", { autoplay: true, playsInline: true, muted: true, id: "big" });
    this.still = el("canvas.still", { hidden: true });
    this.drawing = new Drawing(this);
    this.frame = el("div.frame", {}, this.video, this.still, this.drawing.node);
    this.empty = el("div.empty", {}, el("div.spinner", { "aria-hidden": "true" }), el("p.strong", {}), el("p", {}));
    this.labels = el("div.labels");
    this.numbers = el("div.numbers");
    this.tools = el("div.tools", { role: "toolbar" });
    this.view = el("div.view", {}, this.frame, this.empty);
    this.node = el("section.stage", { id: "stage", tabindex: "-1" }, el("div.above", {}, this.labels, this.numbers), this.view, this.tools);
    this.video.addEventListener("resize", () => this.fit());
    this.watch = new ResizeObserver(() => this.fit());
    this.watch.observe(this.view);
  }

  close() {
    this.watch.disconnect();
    this.drawing.close();
  }

  forget() {
    delete this.labels.dataset.key;
    delete this.tools.dataset.key;
    delete this.numbers.dataset.key;
  }

  /** Everything that is watched, and what is sent from here; `seen` tells whether there is a picture in it. */
  pictures() {
    const { session } = this.room;
    const found = [];
    for (const place of session.watched.values()) {
      const track = session.track(place.source, session.senderOf(place)) ?? null;
      const seen = place.hasPicture || (!place.live && place.stream.getVideoTracks().length > 0);
      found.push({ point: place.pointId, source: place.source, line: place, stream: place.stream, track, seen, mine: false });
    }
    for (const line of session.sent.values()) {
      const seen = line.stream.getVideoTracks().some((track) => track.enabled);
      const track = session.track(line.source) ?? null;
      found.push({ point: session.ticket.pointId, source: line.source, line, stream: line.stream, track, seen, mine: true });
    }
    return found;
  }

  #chosen() {
    const { session, pinned } = this.room;
    const all = this.pictures().filter((one) => one.seen);
    const hand = all.find((one) => pinned && one.point === pinned.point && one.source === pinned.source);
    if (hand) return hand;
    const others = all.filter((one) => !one.mine);
    return all.find((one) => one.track?.frozen)
      ?? all.find((one) => one.source === "ultrasound")
      ?? others.find((one) => one.source === "screen")
      ?? others.find((one) => one.source === "camera" && one.point === session.board?.floorId)
      ?? others.find((one) => one.source === "camera" && one.point === session.speaker)
      ?? others[0] ?? null;
  }

  draw() {
    const one = this.#chosen();
    const before = this.shown;
    this.shown = one;
    if (one?.stream !== before?.stream || (one && this.video.srcObject !== one.stream)) {
      this.video.srcObject = one?.stream ?? null;
      if (one) this.video.play().catch(() => {});
      this.use(null);
    }
    this.video.setAttribute("aria-label", one ? `${this.#source(one)}, ${this.room.name(one.point)}` : "");
    if (one?.track?.trackId !== before?.track?.trackId) this.drawing.of(one?.track?.trackId ?? null);
    const moving = one && this.video.videoWidth > 0;
    this.empty.hidden = Boolean(moving);
    this.frame.hidden = !one;
    const waiting = one && one.line.state !== "live" ? ["reconnecting", "reconnectingWhy"] : ["waitingPicture", "waitingPictureWhy"];
    this.empty.querySelector(".strong").textContent = say(waiting[0]);
    this.empty.querySelector("p:last-child").textContent = say(waiting[1]);
    this.#freezeAsTold(Boolean(one?.track?.frozen));
    this.#label(one);
    this.#tool(one);
    this.#count(one);
    this.fit();
  }

  #source(one) {
    return say({ camera: "camera", ultrasound: "ultrasound", screen: "screen" }[one.source]);
  }

  #label(one) {
    const medical = one?.source === "ultrasound";
    const diagnostic = one?.track?.diagnostic === true;
    const broken = one && !one.mine && one.line.state !== "live";
    const frozen = Boolean(one?.track?.frozen);
    const key = JSON.stringify([one && this.room.name(one.point), one?.source, medical, diagnostic, broken, frozen, Boolean(this.room.pinned)]);
    if (this.labels.dataset.key === key) return;
    this.labels.dataset.key = key;
    this.labels.replaceChildren(...[
      one && el("span.tag.name", { text: one.mine ? `${say("you")} · ${this.#source(one)}` : `${this.room.name(one.point)} · ${this.#source(one)}` }),
      medical && el(diagnostic ? "span.tag.ok" : "span.tag.warn", { "data-diagnostic": String(diagnostic), text: say(diagnostic ? "forDiagnosis" : "notForDiagnosis") }),
      frozen && el("span.tag.info", {}, icon("freeze"), say("frozen")),
      broken && el("span.tag.bad", { text: say("reconnecting") }),
      this.room.pinned && el("button.tag.action", { type: "button", onclick: () => this.pin(null) }, icon("follow"), say("follow")),
    ].filter(Boolean));
  }

  #count(one) {
    const quality = one && this.room.session.qualities.get(one.line);
    const numbers = quality?.numbers;
    const width = this.video.videoWidth || numbers?.width || 0;
    const height = this.video.videoHeight || numbers?.height || 0;
    const parts = numbers && width
      ? [`${width}×${height}`, `${Math.round(numbers.fps)} ${say("perSecond")}`, `${numbers.rttMs} ms`,
        numbers.lossPercent ? `${numbers.lossPercent}% ${say("loss")}` : null].filter(Boolean) : [];
    const key = JSON.stringify([quality?.word, parts]);
    if (this.numbers.dataset.key === key) return;
    this.numbers.dataset.key = key;
    this.numbers.hidden = !parts.length;
    this.numbers.replaceChildren(bars(quality?.word), el("strong", { text: say(quality?.word ?? "good") }), el("span.details", { text: parts.join(" · ") }));
  }

  #tool(one) {
    const { session } = this.room;
    const may = Boolean(one?.track && session.speaks);
    const medical = one?.source === "ultrasound";
    const key = JSON.stringify([may, medical, this.tool, one?.track?.frozen, this.drawing.strokes.size > 0, this.taking, say("freeze")]);
    if (this.tools.dataset.key === key) return;
    this.tools.dataset.key = key;
    this.tools.hidden = !may;
    this.tools.setAttribute("aria-label", say("tools"));
    const button = (name, act, { pressed = null, label = name, disabled = false } = {}) =>
      el("button.tool", { type: "button", "data-tool": name, "aria-pressed": pressed === null ? null : String(pressed), disabled, title: say(label), onclick: act },
        icon(name), el("span", { text: say(label) }));
    const frozen = Boolean(one?.track?.frozen);
    this.tools.replaceChildren(
      ...(medical ? [button("still", () => this.takeStill(), { label: this.taking ? "stillTaking" : "still", disabled: Boolean(this.taking) })] : []),
      button(frozen ? "release" : "freeze", () => this.freeze(), { pressed: frozen }),
      ...TOOLS.map((name) => button(name, () => this.use(this.tool === name ? null : name), { pressed: this.tool === name })),
      button("clear", () => this.drawing.clear(), { disabled: !this.drawing.strokes.size }),
      button("fill", () => (document.fullscreenElement ? document.exitFullscreen() : this.node.requestFullscreen()).catch(() => {})),
    );
  }

  /** @param {string | null} tool */
  use(tool) {
    this.tool = tool;
    this.drawing.use(tool);
    this.room.draw();
  }

  pin(place) {
    this.room.pinned = place;
    this.room.draw();
  }

  /** Puts the frame exactly over the picture, so that a dot on it is a dot of the picture. */
  fit() {
    const { width, height } = this.view.getBoundingClientRect();
    const across = this.video.videoWidth || 16;
    const down = this.video.videoHeight || 9;
    const scale = Math.min(width / across, height / down);
    const style = this.frame.style;
    style.setProperty("width", `${Math.round(across * scale)}px`);
    style.setProperty("height", `${Math.round(down * scale)}px`);
    this.drawing.sized(across, down);
  }

  /** The moment of the picture that is on the screen, as the log wants it. */
  moment() {
    return { rtpTimestamp: (this.drawing.rtpTimestamp ?? 0) >>> 0, takenAt: new Date(this.drawing.takenAt ?? Date.now()).toISOString() };
  }

  /** The frame that is on the screen, in the time of the one who got it; nothing where the browser does not tell. */
  rtp() {
    return this.drawing.rtpTimestamp === undefined ? {} : { rtp: this.drawing.rtpTimestamp };
  }

  here() {
    const { session } = this.room;
    return { liveSessionId: session.ticket.liveSessionId, trackId: this.shown.track.trackId, participantId: session.ticket.participantId };
  }

  async freeze() {
    const track = this.shown?.track;
    if (!track || !this.room.session.speaks) return;
    const { api } = this.room.session;
    const { talk } = this.room;
    const { trackId } = track;
    await this.room.attempt(() => talk.ready
      ? talk.tell(track.frozen ? { type: "release", trackId } : { type: "freeze", trackId, ...this.rtp() })
      : track.frozen ? api.tell("releasePicture", this.here())
      : api.tell("freezePicture", { ...this.here(), frame: this.moment() }));
  }

  #freezeAsTold(frozen) {
    if (frozen === !this.still.hidden) return;
    if (frozen) {
      if (!this.video.videoWidth) return;
      this.still.width = this.video.videoWidth;
      this.still.height = this.video.videoHeight;
      this.still.getContext("2d").drawImage(this.video, 0, 0);
    }
    this.still.hidden = !frozen;
  }

  /** Without loss when the picture is sent from here, from the next key frame otherwise. */
  async takeStill() {
    const one = this.shown;
    if (one?.source !== "ultrasound" || !one.track || this.taking || !this.room.session.speaks) return;
    this.taking = true;
    this.room.draw();
    await this.room.attempt(async () => {
      const ticket = await this.room.session.ask();
      if (one.mine) {
        const still = await picture(one.stream.getVideoTracks()[0]);
        const stored = await handIn(ticket, one.track.trackId, still, await one.line.rtpTimestamp?.(still.takenAt) ?? 0);
        this.room.tell(`${say("stillTaken")} · ${stored.width}×${stored.height}`, "ok");
      } else {
        const stored = await keyFrame(ticket, one.track.trackId);
        this.room.tell(`${say("stillKeyFrame")} · ${stored.width}×${stored.height}`, "ok");
      }
    });
    this.taking = false;
    this.room.draw();
  }

  fact(name, data) {
    if (data?.track_id && data.track_id === this.shown?.track?.trackId) this.drawing.fact(name, data);
  }
}
