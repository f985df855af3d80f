// What can be done with oneself: microphone, camera, ultrasound, screen, hand, and the panels.

import { el, icon } from "./dom.js";
import { say } from "./words.js";

export class Bar {
  /** @param {import("./room.js").Room} room */
  constructor(room) {
    this.room = room;
    this.node = el("nav.bar", {});
  }

  forget() {
    delete this.node.dataset.key;
  }

  draw() {
    const { room } = this;
    const { session } = room;
    const sound = room.camera?.getAudioTracks() ?? [];
    const picture = room.camera?.getVideoTracks() ?? [];
    const now = {
      speaks: session.speaks, sound: sound.some((one) => one.enabled), hasSound: sound.length > 0,
      picture: picture.some((one) => one.enabled), scan: session.sent.has("ultrasound"),
      mayScan: session.ticket.whip.some((one) => one.source === "ULTRASOUND"), screen: session.sent.has("screen"),
      mayScreen: Boolean(navigator.mediaDevices.getDisplayMedia) && session.ticket.whip.some((one) => one.source === "SCREEN"),
      hand: room.talk.handUp ?? false, panel: room.panel, unread: room.talk.unread ?? 0, word: say("leave"),
    };
    const key = JSON.stringify(now);
    if (this.node.dataset.key === key) return;
    this.node.dataset.key = key;
    const focused = document.activeElement?.id;
    this.node.setAttribute("aria-label", say("title"));
    const button = (id, image, label, act, { off = false, on = null, kind = "", badge = 0, disabled = false } = {}) =>
      el(`button.bar-button${kind ? `.${kind}` : ""}${off ? ".off" : ""}`, { id, type: "button", disabled, onclick: act,
        "aria-pressed": on === null ? null : String(on) },
        icon(image), el("span.label", { text: say(label) }),
        badge ? el("span.badge", { "aria-label": `${badge} ${say("unread")}`, text: String(badge) }) : null);
    const own = now.speaks ? [
      button("bar-sound", now.sound ? "microphone" : "microphoneOff", now.sound ? "mute" : "unmute", () => room.toggleSound(), { off: !now.sound, disabled: !now.hasSound }),
      button("bar-picture", now.picture ? "camera" : "cameraOff", now.picture ? "cameraOff" : "cameraOn", () => room.togglePicture(), { off: !now.picture }),
      now.mayScan && button("bar-scan", "ultrasound", now.scan ? "ultrasoundOff" : "ultrasoundOn", () => room.toggleSource("ultrasound"), { on: now.scan }),
      now.mayScreen && button("bar-screen", "screen", now.screen ? "screenOff" : "screenOn", () => room.toggleSource("screen"), { on: now.screen, kind: "wide-only" }),
      session.seat.consultationId && button("bar-hand", "hand", now.hand ? "handDown" : "hand", () => room.talk.hand(), { on: now.hand }),
    ].filter(Boolean) : [];
    this.node.replaceChildren(
      el("div.bar-group", {}, ...own),
      el("div.bar-group", {},
        button("bar-chat", "chat", "chat", () => room.toggle("chat"), { on: now.panel === "chat", badge: now.unread }),
        button("bar-people", "people", "people", () => room.toggle("people"), { on: now.panel === "people" }),
        button("bar-record", "record", "record", () => room.toggle("record"), { on: now.panel === "record" })),
      el("div.bar-group", {}, button("bar-leave", "leave", "leave", () => this.#leave(), { kind: "leave" })));
    if (focused) document.getElementById(focused)?.focus();
  }

  /** Leaving takes a second press, so that nobody leaves by a slip. */
  #leave() {
    const { node } = this;
    const sure = el("div.sure", { role: "alertdialog", "aria-label": say("leaveSure") },
      el("p", { text: say("leaveSure") }),
      el("div.row", {},
        el("button.danger", { type: "button", id: "leave-yes", onclick: () => this.room.leave(), text: say("leave") }),
        el("button", { type: "button", onclick: () => sure.remove(), text: say("stay") })));
    node.querySelector(".sure")?.remove();
    node.append(sure);
    document.getElementById("leave-yes")?.focus();
  }
}
