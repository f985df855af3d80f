// Consent to the recording, and the recording itself.
//
// Rules: it says "recording" only when bytes are stored; nobody is recorded who did not agree, and who agreed can take it
// back with one press; an answer holds for all that I send, also for what I send later in this room.

import { el } from "./dom.js";
import { say } from "./words.js";

const SOURCES = { CAMERA: "camera", AUDIO: "soundOf", ULTRASOUND: "ultrasound", SCREEN: "screen", SCREEN_SOUND: "soundOf", DOPPLER: "soundOf" };

/** @param {any} session @returns {"on" | "starting" | "off" | "failed"} */
export function recordingState({ room }) {
  const open = room.recordings.filter((one) => one.status === "AUTHORISED" || one.status === "STARTED");
  if (open.some((one) => one.status === "STARTED" && one.firstBytesAt)) return "on";
  if (open.length) return "starting";
  return room.recordings.at(-1)?.status === "FAILED" ? "failed" : "off";
}

export class RecordingPanel {
  /** @param {import("./room.js").Room} room */
  constructor(room) {
    this.room = room;
    this.node = el("div.panel", { "data-panel": "record" });
    /** @type {boolean | null} */
    this.agreed = null;
    this.sending = new Set();
  }

  forget() {
    delete this.node.dataset.key;
  }

  get me() {
    return this.room.session.participant(this.room.session.ticket.participantId)?.personId ?? this.room.how.person.sub;
  }

  /** Tracks with me on them for which there is no consent of mine. */
  #open() {
    return this.room.session.room.tracks.filter((one) => one.people.includes(this.me) && !one.consented.includes(this.me));
  }

  unanswered() {
    const open = this.#open();
    if (this.agreed && open.length) this.answer(true);
    return open.length > 0 && this.agreed === null;
  }

  async answer(yes) {
    this.agreed = yes;
    const { session } = this.room;
    const todo = this.#open().filter((one) => !this.sending.has(one.trackId));
    for (const { trackId } of todo) this.sending.add(trackId);
    for (const { trackId } of todo) {
      const given = { liveSessionId: session.ticket.liveSessionId, trackId, personId: this.me };
      await this.room.attempt(() => session.api.tell(yes ? "consentToRecording" : "refuseRecording", given));
      setTimeout(() => this.sending.delete(trackId), 5_000);
    }
    this.room.draw();
  }

  async #takeBack() {
    this.agreed = false;
    const { session } = this.room;
    for (const track of session.room.tracks.filter((one) => one.consented.includes(this.me))) {
      const given = { liveSessionId: session.ticket.liveSessionId, trackId: track.trackId, personId: this.me };
      await this.room.attempt(() => session.api.tell("withdrawRecordingConsent", given));
    }
  }

  draw() {
    const { session } = this.room;
    const state = recordingState(session);
    const tracks = session.room.tracks.map((one) => ({
      id: one.trackId, point: session.pointOf(one.participantId), source: one.source,
      all: one.people.length > 0 && one.people.every((person) => one.consented.includes(person)),
      patient: one.participantId === session.ticket.participantId && one.patientId && !one.consented.includes(one.patientId) ? one.patientId : null,
    }));
    const mine = session.room.tracks.some((one) => one.consented.includes(this.me));
    const points = [...new Set(tracks.map((one) => one.point))];
    const key = JSON.stringify([state, tracks, points.map((one) => this.room.name(one)), mine, this.agreed, this.room.directs, say("record")]);
    if (this.node.dataset.key === key) return;
    this.node.dataset.key = key;
    const words = { on: "recordingOn", starting: "recordingStarting", off: "recordingOff", failed: "recordingFailed" };
    this.node.replaceChildren(
      el(`p.rec-state.rec-${state}`, {}, el("span.dot", { "aria-hidden": "true" }), el("strong", { text: say(words[state]) })),
      el("p.note", { text: say("recordingWhy") }),
      ...this.#mine(mine),
      el("ul.people", {}, ...points.map((point) => this.#point(point, tracks.filter((one) => one.point === point)))),
      this.#decision(state, tracks));
  }

  #mine(mine) {
    if (!this.room.session.speaks) return [];
    const yes = el("button.primary", { type: "button", onclick: () => this.answer(true), text: say("consentYes") });
    const no = el("button", { type: "button", onclick: () => this.answer(false), text: say("consentNo") });
    const back = el("button", { type: "button", id: "consent-back", onclick: () => this.#takeBack(), text: say("consentBack") });
    return mine ? [el("p.answered", { text: say("consented") }), back]
      : [el("p", { text: say("consentAsk") }), el("div.row", {}, yes, no)];
  }

  #point(point, tracks) {
    return el("li.consent", {},
      el("strong.person", { text: this.room.name(point) }),
      el("span.answers", {}, ...tracks.map((one) => el(one.all ? "span.yes" : "span.no", {},
        el("span.sub", { text: `${say(SOURCES[one.source] ?? one.source)}: ` }), say(one.all ? "consented" : "notConsented")))),
      ...tracks.filter((one) => one.patient).map((one) => this.#patient(one)));
  }

  /** The patient's consent was taken down at the point; here it is named. */
  #patient(one) {
    const field = el("input", { type: "text", id: `consent-${one.id}`, pattern: "[0-9a-fA-F\\-]{36}", required: true });
    return el("form.patient", {
      onsubmit: (event) => {
        event.preventDefault();
        const { session } = this.room;
        const given = { liveSessionId: session.ticket.liveSessionId, trackId: one.id, personId: one.patient, consentId: field.value.trim() };
        this.room.attempt(() => session.api.tell("consentToRecording", given));
      },
    }, el("label", { for: `consent-${one.id}`, text: say("patientConsent") }),
      el("div.row", {}, field, el("button.small", { type: "submit", text: say("patientConsentSave") })));
  }

  #decision(state, tracks) {
    const { session } = this.room;
    if (!this.room.directs) return el("p.note", { text: say("onlyChair") });
    const running = session.room.recordings.filter((one) => one.status === "AUTHORISED" || one.status === "STARTED");
    const liveSessionId = session.ticket.liveSessionId;
    if (running.length) {
      return el("button.danger.wide", { type: "button", id: "stop-recording", text: say("stopRecording"), onclick: () =>
        running.forEach(({ recordingId }) => this.room.attempt(() => session.api.tell("stopRecording", { liveSessionId, recordingId }))) });
    }
    const ready = tracks.filter((one) => one.all).map((one) => one.id);
    return el("button.primary.wide", { type: "button", id: "start-recording", disabled: !ready.length, text: say("startRecording"), onclick: () =>
      this.room.attempt(() => session.api.tell("authoriseRecording", { liveSessionId, recordingId: crypto.randomUUID(), trackIds: ready })) });
  }
}
