// Who is in the room and who was invited; whoever is in charge gives the floor, silences and sends out here.
//
// Rules: sending somebody out takes a reason, which the log keeps; who was sent out stays in the list, with the way back.

import { el, icon } from "./dom.js";
import { bars } from "./room.js";
import { say } from "./words.js";

export class PeoplePanel {
  /** @param {import("./room.js").Room} room */
  constructor(room) {
    this.room = room;
    this.node = el("div.panel", { "data-panel": "people" });
    /** @type {string | null} the participant about whom is being asked, */
    this.asked = null;
    /** @type {HTMLElement | null} and what was typed so far: it outlives a list that is drawn anew */
    this.form = null;
  }

  forget() {
    delete this.node.dataset.key;
  }

  draw() {
    const { session, talk } = this.room;
    const present = session.room.participants.filter((one) => one.present);
    const inside = present.map((one) => {
      const point = one.facilityId ?? one.personId;
      return { point, id: one.participantId, part: one.part, rung: one.rung, muted: one.muted, word: session.word(point), hand: talk.hands?.has(point) ?? false };
    });
    const outside = session.points.filter((one) => one.role !== "OBSERVER" && !inside.some(({ point }) => point === one.facilityId));
    const out = session.room.participants.filter((one) => one.removedAt).map((one) => ({ id: one.participantId, point: one.facilityId ?? one.personId }));
    const observers = inside.filter((one) => one.part === "OBSERVER").length;
    const key = JSON.stringify([inside, outside, out, session.board, this.room.directs, this.asked, inside.map((one) => this.room.name(one.point)), say("people")]);
    if (this.node.dataset.key === key) return;
    this.node.dataset.key = key;
    const typing = this.form?.contains(document.activeElement) ? document.activeElement : null;
    this.node.replaceChildren(
      el("h3", { text: `${say("inRoom")} (${inside.length})` }),
      el("ul.people", {}, ...inside.map((one) => this.#person(one))),
      ...(observers ? [el("p.note", { text: `${say("observer")}: ${observers}` })] : []),
      ...(outside.length ? [el("h3", { text: say("invited") }),
        el("ul.people", {}, ...outside.map((one) => el("li", {},
          el("span.person", {}, el("strong", { text: this.room.name(one.facilityId) }), el("span.sub", { text: say(one.presence === "LEFT" ? "away" : "notThere") })))))] : []),
      ...(out.length ? [el("h3", { text: say("removed") }), el("ul.people", {}, ...out.map((one) => this.#removed(one)))] : []));
    typing?.focus();
  }

  #person(one) {
    const { session } = this.room;
    const mine = one.id === session.ticket.participantId;
    const { board } = session;
    const roles = [
      board?.centreId === one.point && say("chair"),
      board?.floorId === one.point && say("floor"),
      one.part === "OBSERVER" && say("observer"),
      one.muted && say("silenced"),
      one.rung && one.rung !== "TWO_WAY_HD" && say(one.rung),
    ].filter(Boolean);
    const directs = this.room.directs && !mine;
    const speaks = directs && one.part === "SPEAKER";
    const floor = speaks && board && board.floorId !== one.point;
    const button = (label, act) => el("button.small", { type: "button", onclick: act, text: say(label) });
    return el("li", {},
      el("span.person", {},
        el("strong", { text: mine ? `${this.room.name(one.point)} (${say("you")})` : this.room.name(one.point) }),
        roles.length ? el("span.sub", { text: roles.join(" · ") }) : null,
        one.hand ? el("span.sub.hand", {}, icon("hand"), say("asks")) : null),
      el(`span.tile-quality.line-${one.word}`, {}, bars(one.word), say(one.word)),
      directs ? el("div.row.orders", {},
        floor ? button("giveFloor", () => this.#give(one.point)) : null,
        speaks ? button(one.muted ? "unsilence" : "silence", () => this.#order(one.muted ? "unmuteParticipant" : "muteParticipant", one.id)) : null,
        this.asked === one.id ? null : button("remove", () => this.#ask(one.id))) : null,
      directs && this.asked === one.id ? this.form : null);
  }

  /** Why somebody is sent out; the first press only asks. */
  #reason(id) {
    const why = el("input", { type: "text", id: "remove-why", required: true, maxlength: "200" });
    return el("form.patient", { onsubmit: (event) => {
      event.preventDefault();
      this.#ask(null);
      this.#order("removeParticipant", id, { reason: why.value.trim() });
    } },
      el("label", { for: "remove-why", text: say("removeWhy") }), why,
      el("div.row", {},
        el("button.small.danger", { type: "submit", text: say("remove") }),
        el("button.small", { type: "button", onclick: () => this.#ask(null), text: say("cancel") })));
  }

  #removed(one) {
    const back = this.room.directs
      ? el("button.small", { type: "button", onclick: () => this.#order("readmitParticipant", one.id), text: say("readmit") }) : null;
    return el("li", {}, el("span.person", {}, el("strong", { text: this.room.name(one.point) })), back);
  }

  #ask(id) {
    this.asked = id;
    this.form = id ? this.#reason(id) : null;
    this.draw();
    this.form?.querySelector("input")?.focus();
  }

  #order(name, participantId, more = {}) {
    const { session } = this.room;
    this.room.attempt(() => session.api.tell(name, { liveSessionId: session.ticket.liveSessionId, participantId, ...more }));
    this.room.draw();
  }

  #give(facilityId) {
    const { session } = this.room;
    this.room.attempt(() => session.api.tell("giveFloor", { consultationId: session.seat.consultationId, facilityId }));
  }
}
