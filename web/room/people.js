// Who is in the room and who was invited; the chair gives the floor here.

import { el, icon } from "./dom.js";
import { bars } from "./room.js";
import { say } from "./words.js";

export class PeoplePanel {
  /** @param {import("./room.js").Room} room */
  constructor(room) {
    this.room = room;
    this.node = el("div.panel", {});
  }

  forget() {
    delete this.node.dataset.key;
  }

  get chairs() {
    const { session, how } = this.room;
    return session.board?.chairId === how.person.sub;
  }

  draw() {
    const { session, talk } = this.room;
    const present = session.room.participants.filter((one) => one.present);
    const inside = present.map((one) => {
      const point = one.facilityId ?? one.personId;
      return { point, id: one.participantId, part: one.part, rung: one.rung, word: session.word(point), hand: talk.hands?.has(point) ?? false };
    });
    const outside = session.points.filter((one) => one.role !== "OBSERVER" && !inside.some(({ point }) => point === one.facilityId));
    const observers = inside.filter((one) => one.part === "OBSERVER").length;
    const key = JSON.stringify([inside, outside, session.board, this.chairs, inside.map((one) => this.room.name(one.point)), say("people")]);
    if (this.node.dataset.key === key) return;
    this.node.dataset.key = key;
    this.node.replaceChildren(
      el("h3", { text: `${say("inRoom")} (${inside.length})` }),
      el("ul.people", {}, ...inside.map((one) => this.#person(one))),
      ...(observers ? [el("p.note", { text: `${say("observer")}: ${observers}` })] : []),
      ...(outside.length ? [el("h3", { text: say("invited") }),
        el("ul.people", {}, ...outside.map((one) => el("li", {},
          el("span.person", {}, el("strong", { text: this.room.name(one.facilityId) }), el("span.sub", { text: say(one.presence === "LEFT" ? "away" : "notThere") })))))] : []));
  }

  #person(one) {
    const { session } = this.room;
    const mine = one.id === session.ticket.participantId;
    const { board } = session;
    const roles = [
      board?.centreId === one.point && say("chair"),
      board?.floorId === one.point && say("floor"),
      one.part === "OBSERVER" && say("observer"),
      one.rung && one.rung !== "TWO_WAY_HD" && say(one.rung),
    ].filter(Boolean);
    const floor = this.chairs && !mine && one.part === "SPEAKER" && board.floorId !== one.point;
    return el("li", {},
      el("span.person", {},
        el("strong", { text: mine ? `${this.room.name(one.point)} (${say("you")})` : this.room.name(one.point) }),
        roles.length ? el("span.sub", { text: roles.join(" · ") }) : null,
        one.hand ? el("span.sub.hand", {}, icon("hand"), say("asks")) : null),
      el(`span.tile-quality.line-${one.word}`, {}, bars(one.word), say(one.word)),
      floor ? el("button.small", { type: "button", onclick: () => this.#give(one.point), text: say("giveFloor") }) : null);
  }

  #give(facilityId) {
    const { session } = this.room;
    this.room.attempt(() => session.api.tell("giveFloor", { consultationId: session.seat.consultationId, facilityId }));
  }
}
