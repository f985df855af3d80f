// The room: a large picture, the strip of the points, what is said, and what can be done.
//
// Rules: what is shown follows from how things stand, and is shown anew when that changes; nothing that a person has
// chosen is taken away by a change; each thing that can fail says so where it was done.

import { openCamera, openScreen, openUltrasound } from "../live/sending.js";
import { Bar } from "./bar.js";
import { ChatPanel } from "./chat.js";
import { el, icon } from "./dom.js";
import { PeoplePanel } from "./people.js";
import { RecordingPanel, recordingState } from "./recording.js";
import { Stage } from "./stage.js";
import { Strip } from "./strip.js";
import { explain, named, say } from "./words.js";

const TOLD_MS = 6_000;

export class Room {
  /** @param {import("../live/session.js").Session} session @param {any} how */
  constructor(session, how) {
    this.session = session;
    this.how = how;
    this.camera = how.camera;
    this.scan = how.scan;
    this.shared = null;
    this.talk = session.talk;
    this.pinned = null;
    this.panel = null;
    this.stage = new Stage(this);
    this.strip = new Strip(this);
    this.bar = new Bar(this);
    this.panels = { chat: new ChatPanel(this), people: new PeoplePanel(this), record: new RecordingPanel(this) };
    this.node = this.#layout();
    this.off = [];
  }

  begin() {
    const on = (target, name, heard) => {
      target.addEventListener(name, heard);
      this.off.push(() => target.removeEventListener(name, heard));
    };
    on(this.session, "change", () => this.draw());
    on(this.session, "line", () => this.draw());
    on(this.session, "numbers", () => this.draw());
    on(this.session, "fact", (event) => this.#fact(event.detail));
    on(this.talk, "change", () => this.draw());
    on(this.talk, "pointer", ({ detail }) => detail.trackId === this.stage.shown?.track?.trackId && this.stage.drawing.point(detail.participantId, detail));
    on(window, "online", () => this.draw());
    on(window, "offline", () => this.draw());
    on(window, "keydown", (event) => this.#key(event));
    on(window, "pagehide", () => this.session.leave());
    if (this.session.speaks && this.camera) this.session.publish("camera", this.camera);
    if (this.session.speaks && this.scan) this.session.publish("ultrasound", this.scan);
    if (matchMedia("(min-width: 1000px)").matches) this.open("people");
    this.draw();
  }

  close() {
    for (const off of this.off.splice(0)) off();
    this.stage.close();
    this.session.leave();
    for (const stream of [this.camera, this.scan, this.shared]) for (const track of stream?.getTracks() ?? []) track.stop();
  }

  #layout() {
    this.title = el("h1.title", {});
    this.chips = el("div.chips", {});
    this.banner = el("div.banner", { role: "status", hidden: true });
    this.side = el("aside.side", { hidden: true });
    this.ask = el("div.ask", { role: "dialog", hidden: true });
    return el("div.room", { "data-state": "room" },
      el("header.top", {}, el("img.mark", { src: "icon.svg", alt: "" }), this.title, this.banner, this.chips),
      el("main.middle", {}, this.stage.node, this.strip.node),
      this.side, this.ask, this.bar.node);
  }

  draw() {
    if (this.due) return;
    this.due = requestAnimationFrame(() => {
      this.due = 0;
      if (this.session.over) return;
      this.#head();
      this.stage.draw();
      this.strip.draw();
      this.bar.draw();
      this.#consent();
      if (this.panel) this.panels[this.panel].draw();
    });
  }

  #head() {
    const { session } = this;
    this.title.textContent = session.board?.title ?? say(session.seat.consultationId ? "consultation" : "examination");
    const recording = recordingState(session);
    const word = session.word(session.ticket.pointId);
    const chips = [
      el(`span.chip.rec-${recording}`, { "data-recording": recording },
        el("span.dot", { "aria-hidden": "true" }), say({ on: "recordingOn", starting: "recordingStarting", off: "recordingOff", failed: "recordingFailed" }[recording])),
      session.sent.size ? el(`span.chip.line-${word}`, { "data-quality": word }, bars(word), el("span.long", { text: `${say("line")}: ` }), say(word)) : null,
      el("button.chip.quiet", { type: "button", onclick: () => this.#language(), text: say("language"), id: "language" }),
    ];
    const key = JSON.stringify([recording, word, session.sent.size > 0, say("language")]);
    if (this.chips.dataset.key !== key) {
      this.chips.dataset.key = key;
      this.chips.replaceChildren(...chips.filter(Boolean));
    }
    this.#trouble(word);
  }

  #trouble(word) {
    const broken = [...this.session.sent.values(), this.session.watching].some((line) => line.state === "broken");
    const me = this.session.participant(this.session.ticket.participantId);
    const trouble = !navigator.onLine ? ["lost", say("offline")]
      : broken ? ["lost", say("reconnecting")]
      : !this.session.apiUp ? ["weak", say("apiDown")]
      : me?.muted ? ["weak", say("silencedYou")]
      : word === "poor" || (me?.rung && me.rung !== "TWO_WAY_HD") ? ["weak", say("weakLine")]
      : null;
    this.banner.hidden = !trouble;
    this.banner.parentElement.classList.toggle("troubled", Boolean(trouble));
    this.banner.className = `banner ${trouble?.[0] ?? ""}`;
    if (trouble && this.banner.textContent !== trouble[1]) this.banner.textContent = trouble[1];
  }

  #language() {
    this.how.switchLanguage();
    delete this.chips.dataset.key;
    for (const part of [this.stage, this.strip, this.bar, ...Object.values(this.panels)]) part.forget();
    if (this.panel) this.open(this.panel);
    this.draw();
  }

  /** Opens a panel at the side, or closes it. */
  open(name) {
    this.panel = name;
    this.side.hidden = !name;
    this.node.classList.toggle("with-side", Boolean(name));
    if (name) {
      const titles = { chat: "chat", people: "people", record: "record" };
      this.side.setAttribute("aria-label", say(titles[name]));
      this.side.replaceChildren(
        el("header.row.between", {}, el("h2", { text: say(titles[name]) }),
          el("button.icon-button", { type: "button", "aria-label": say("close"), onclick: () => this.open(null) }, icon("close"))),
        this.panels[name].node);
      // At once, and not with the next frame: whoever reads the page aloud is told of it as it opens.
      this.panels[name].draw();
      this.panels[name].opened?.();
    }
    this.draw();
  }

  toggle(name) {
    this.open(this.panel === name ? null : name);
  }

  /** The question whether I let myself be recorded, where it is not answered. */
  #consent() {
    const open = this.panels.record.unanswered();
    this.ask.hidden = !open || this.panel === "record";
    const key = open ? say("consentAsk") : "";
    if (this.ask.dataset.key === key) return;
    this.ask.dataset.key = key;
    this.ask.setAttribute("aria-label", say("record"));
    this.ask.replaceChildren(
      el("p", { text: say("consentAsk") }),
      el("div.row", {},
        el("button.primary", { type: "button", id: "consent-yes", onclick: () => this.panels.record.answer(true), text: say("consentYes") }),
        el("button", { type: "button", id: "consent-no", onclick: () => this.panels.record.answer(false), text: say("consentNo") })));
  }

  /** Says something for some seconds, also to those who hear the page. */
  tell(text, kind = "info") {
    const told = document.getElementById("told");
    const node = el(`p.${kind}`, { text });
    told?.append(node);
    setTimeout(() => node.remove(), TOLD_MS);
  }

  /** Does something that may be refused, and says so. @param {() => Promise<any>} act */
  async attempt(act) {
    try {
      return await act();
    } catch (fault) {
      const { code, text } = explain(fault);
      this.tell(`${text || code} (${code})`, "fault");
      return null;
    }
  }

  /** Whether I am in charge: of a consultation its chair or responsible doctor, of an examination its doctors. */
  get directs() {
    const { sub, roles = [] } = this.how.person;
    const { board } = this.session;
    return board ? [board.chairId, board.responsibleId].includes(sub) : roles.includes("doctor");
  }

  name(pointId) {
    return named(this.session.names.get(pointId), "…");
  }

  /** The name as it fits on a tile: bệnh viện is BV to everybody who works in one. */
  shortName(pointId) {
    return this.name(pointId).replace(/^Bệnh viện /, "BV ").replace(/ Đa khoa /i, " ĐK ");
  }

  #fact({ name, data }) {
    if (name === "live_session.participant_joined" || name === "live_session.participant_left" || name === "live_session.participant_lost") {
      const point = this.session.pointOf(data?.participant_id);
      if (point && point !== this.session.ticket.pointId) {
        const what = name.endsWith("joined") ? "joined" : name.endsWith("left") ? "gone" : "lineLost";
        this.tell(`${this.name(point)} ${say(what)}`);
      }
    }
    this.stage.fact(name, data);
  }

  async toggleSound() {
    for (const track of this.camera?.getAudioTracks() ?? []) track.enabled = !track.enabled;
    this.draw();
  }

  async togglePicture() {
    const tracks = this.camera?.getVideoTracks() ?? [];
    if (tracks.length) {
      for (const track of tracks) track.enabled = !track.enabled;
      return this.draw();
    }
    await this.attempt(async () => {
      const sound = this.camera?.getAudioTracks() ?? [];
      const opened = await openCamera({ ...this.how.devices, sound: !sound.length, size: this.how.size });
      this.camera = new MediaStream([...opened.getTracks(), ...sound]);
      this.session.publish("camera", this.camera);
    });
    this.draw();
  }

  async toggleSource(source) {
    const held = source === "screen" ? "shared" : "scan";
    if (this.session.sent.has(source)) {
      this.session.unpublish(source);
      for (const track of this[held]?.getTracks() ?? []) track.stop();
      this[held] = null;
      return this.draw();
    }
    await this.attempt(async () => {
      this[held] = source === "screen" ? await openScreen() : await openUltrasound(this.how.devices.ultrasound);
      for (const track of this[held].getTracks()) track.addEventListener("ended", () => this.session.sent.has(source) && this.toggleSource(source));
      this.session.publish(source, this[held]);
    });
    this.draw();
  }

  leave() {
    this.close();
    this.how.left();
  }

  #key(event) {
    const typing = event.target.closest?.("input, textarea, select") && event.key !== "Escape";
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const keys = {
      m: () => this.toggleSound(), v: () => this.togglePicture(), c: () => this.toggle("chat"), p: () => this.toggle("people"),
      r: () => this.toggle("record"), f: () => this.stage.freeze(), s: () => this.stage.takeStill(), h: () => this.talk.hand?.(),
      Escape: () => (this.stage.tool ? this.stage.use(null) : this.open(null)),
    };
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }
}

/** Three bars that say with their number what the word beside them says. */
export function bars(word) {
  const full = { good: 3, weak: 2, poor: 1, lost: 0 }[word] ?? 0;
  return el("span.bars", { "aria-hidden": "true" }, ...[1, 2, 3].map((at) => el(at <= full ? "i.full" : "i")));
}
