// What people write to each other; it belongs to the record of the consultation.

import { el } from "./dom.js";
import { language, say } from "./words.js";

const LONGEST = 2_000;

export class ChatPanel {
  /** @param {import("./room.js").Room} room */
  constructor(room) {
    this.room = room;
    this.list = el("ol.messages", { "aria-live": "polite" });
    this.text = el("textarea", { id: "chat-text", rows: "2", maxlength: String(LONGEST), onkeydown: (event) => {
      if (event.key === "Enter" && !event.shiftKey) {
        event.preventDefault();
        this.#send();
      }
    } });
    this.button = el("button.primary", { type: "submit", id: "chat-send" });
    this.label = el("label", { for: "chat-text" });
    this.note = el("p.note");
    this.form = el("form.chat-form", { onsubmit: (event) => {
      event.preventDefault();
      this.#send();
    } }, this.label, el("div.row", {}, this.text, this.button));
    this.node = el("div.panel.chat", { "data-panel": "chat" }, this.list, this.note, this.form);
  }

  forget() {
    delete this.list.dataset.key;
  }

  opened() {
    this.room.talk.read();
    this.text.focus();
  }

  #send() {
    const text = this.text.value.trim();
    if (!text) return;
    this.text.value = "";
    this.room.attempt(() => this.room.talk.say(text)).then((sent) => {
      if (!sent) this.text.value = this.text.value || text;
    });
  }

  draw() {
    const { talk, session } = this.room;
    this.label.textContent = say("message");
    this.button.textContent = say("send");
    const writes = session.speaks && talk.ready;
    this.text.disabled = this.button.disabled = !writes;
    this.note.textContent = !session.speaks ? say("chatObserver") : talk.ready ? "" : say("chatAway");
    this.note.hidden = !this.note.textContent;
    if (this.room.panel === "chat") talk.read();
    const key = JSON.stringify([talk.messages.length, talk.messages.at(-1)?.id, talk.messages.map((one) => this.room.name(one.point)), say("send")]);
    if (this.list.dataset.key === key) return;
    this.list.dataset.key = key;
    const clock = new Intl.DateTimeFormat(language() === "vi" ? "vi-VN" : "en-GB", { hour: "2-digit", minute: "2-digit" });
    this.list.replaceChildren(...(talk.messages.length ? talk.messages.map((one) => {
      return el(one.mine ? "li.mine" : "li", {},
        el("span.who", { text: `${one.mine ? say("you") : this.room.name(one.point)} · ${clock.format(one.at)}` }),
        el("span.text", { text: one.text }));
    }) : [el("li.nothing", { text: say("chatEmpty") })]));
    this.list.scrollTop = this.list.scrollHeight;
  }
}
