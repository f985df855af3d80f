// A live session as one participant has it: the way in, what is sent, what is watched, and how things stand.
//
// Rules: how things stand is what the log says, followed by a subscription; a place that the log says is live is watched,
// and one that it says has ended is not; a ticket is asked for once for all lines that need one at the same moment; the
// page is told of a change once, whatever led to it.

import { Refused, Unreachable, pause } from "./api.js";
import { Quality } from "./quality.js";
import { sending } from "./sending.js";
import { Talk } from "./talk.js";
import { Watching } from "./watching.js";

const TICKET = `position ticket { liveSessionId participantId part pointId token expiresAt whepTemplate socketUrl
  whip { source url } iceServers { urls username credential } }`;
const ROOM = `
  subscription ($id: UUID!, $after: Position) {
    liveSession(liveSessionId: $id, after: $after) {
      position
      events { position name clinicalTime data author { id facilityId } }
      liveSession { position status present recording peoplePosition tracksPosition lastAlarm lastAlarmDetail }
    }
  }`;
const STANDS = `
  query ($id: UUID!, $at: Position) {
    liveSession(liveSessionId: $id, minPosition: $at) {
      position status recording
      participants { participantId personId facilityId kind part present rung muted removedAt }
      tracks(live: true) {
        trackId participantId source width height people consented patientId examinationId diagnostic frozen
      }
      recordings { recordingId trackIds status firstBytesAt stoppedBecause }
    }
  }`;
const BOARD = `
  subscription ($id: UUID!, $after: Position) {
    consultationBoard(consultationId: $id, after: $after) {
      position events { position name data }
      consultation { position title status centreId chairId responsibleId floorId pointsPosition }
    }
  }`;
const POINTS = `
  query ($id: UUID!, $at: Position) {
    consultationBoard(consultationId: $id, minPosition: $at) {
      title status centreId chairId responsibleId floorId
      points { facilityId place role presence }
    }
  }`;
const NAME = `query ($id: UUID!) { facility(facilityId: $id) { nameVi nameEn } }`;
const LOOK_MS = 2_000;
const KEEPS_LOST_MS = 10_000;

/**
 * What a page listens to: "change" (how things stand), "line" (a connection), "fact" (detail: an event of the log),
 * "numbers" (every two seconds), "ended" and "refused" (detail: why).
 */
export class Session extends EventTarget {
  /**
   * @param {import("./api.js").Api} api
   * @param {{consultationId?: string, examinationId?: string, participantId: string, equipmentOfThePoint?: boolean,
   *   onlyObserves?: boolean, ultrasound?: {examinationId: string, deviceId: string}, facilityId?: string}} seat
   */
  constructor(api, seat) {
    super();
    this.api = api;
    this.seat = seat;
    /** @type {any} */
    this.ticket = null;
    this.asking = null;
    this.room = { status: "OPEN", participants: [], tracks: [], recordings: [], recording: null };
    this.board = null;
    this.points = [];
    this.names = new Map();
    /** @type {Map<string, any>} source to line */
    this.sent = new Map();
    /** @type {Watching | null} */
    this.watching = null;
    /** @type {Map<string, any>} "point source" to what is shown of it */
    this.watched = new Map();
    this.speaker = null;
    /** @type {Map<string, number>} source to kbit/s that the worker asks for */
    this.asked = new Map();
    this.qualities = new Map();
    this.telemetry = [];
    this.apiUp = true;
    this.talk = new Talk(this);
    this.endings = [];
    this.over = false;
  }

  /** Comes in; raises Refused when the rules say no. */
  async join() {
    await this.#asked();
    this.endings.push(
      this.api.follow(ROOM, { id: this.ticket.liveSessionId }, {
        told: (update) => this.#told(update),
        state: (up) => this.#api(up),
        refused: (fault) => this.#refused(fault),
      }),
    );
    if (this.seat.consultationId) {
      this.endings.push(
        this.api.follow(BOARD, { id: this.seat.consultationId }, {
          told: ({ position, events, consultation }) => {
            if (consultation) this.board = { ...this.board, ...consultation };
            for (const event of events) this.dispatchEvent(new CustomEvent("fact", { detail: event }));
            this.#readPoints(position);
          },
        }),
      );
    }
    this.watching = new Watching((failed) => this.ask(failed), (channel) => this.talk.attach(channel));
    this.watching.addEventListener("lines", () => this.#watch());
    this.watching.addEventListener("said", (event) => this.#said(event.detail));
    this.watching.addEventListener("change", () => {
      this.dispatchEvent(new CustomEvent("line", { detail: this.watching }));
      // Its socket ends with the worker; what is sent there would notice only by the silence.
      if (this.watching.state === "broken") for (const line of this.sent.values()) line.doubt();
      if (this.watching.state === "refused") this.#refused(this.watching.fault);
    });
    const timer = setInterval(() => this.#look(), LOOK_MS);
    this.endings.push(() => clearInterval(timer));
    await this.#read(this.ticket.position);
    return this.ticket;
  }

  get speaks() {
    return this.ticket?.part === "SPEAKER";
  }

  /** A ticket that is not the one that failed: that may be of a worker that is gone. @param {any} [failed] */
  async ask(failed = null) {
    const old = Date.parse(this.ticket?.expiresAt ?? 0) - Date.now() < 20_000;
    if (this.ticket && !old && this.ticket !== failed) return this.ticket;
    this.asking ??= this.#asked().finally(() => (this.asking = null));
    await this.asking;
    return this.ticket;
  }

  async #asked() {
    const { facilityId, ...seat } = this.seat;
    const answer = await this.api.tell("joinLiveSession", seat, TICKET);
    if (!answer.ticket) throw new Refused("NOT_ADMITTED", "");
    this.ticket = { ...answer.ticket, position: answer.position };
  }

  /** Sends a source; one that is sent already is replaced. @param {"camera"|"ultrasound"|"screen"} source */
  publish(source, stream) {
    this.sent.get(source)?.end();
    const line = sending(source, stream, { ticket: (failed) => this.ask(failed), channels: (pc) => this.talk.open(pc) });
    this.sent.set(source, line);
    this.#hear(line);
    return line;
  }

  unpublish(source) {
    const line = this.sent.get(source);
    this.sent.delete(source);
    line?.end();
    this.qualities.delete(line);
    this.dispatchEvent(new Event("change"));
  }

  /** The track of the log that is my source, or that of another point. */
  track(source, participantId = this.ticket?.participantId) {
    return this.room.tracks.find((one) => one.source === source.toUpperCase() && one.participantId === participantId);
  }

  participant(id) {
    return this.room.participants.find((one) => one.participantId === id);
  }

  /** The point of a participant: its facility, or the patient itself. */
  pointOf(participantId) {
    const one = this.participant(participantId);
    return one?.facilityId ?? one?.personId ?? null;
  }

  /** Leaves, and tells the worker. */
  leave() {
    this.over = true;
    for (const end of this.endings.splice(0)) end();
    for (const line of this.sent.values()) line.end();
    this.watching?.end();
    this.talk.close();
    clearTimeout(this.later);
    this.sent.clear();
    this.watched.clear();
  }

  #told({ position, events, liveSession }) {
    if (liveSession) Object.assign(this.room, { status: liveSession.status, recording: liveSession.recording });
    for (const event of events) {
      this.dispatchEvent(new CustomEvent("fact", { detail: event }));
    }
    if (this.room.status === "CLOSED") return this.#closed();
    this.dispatchEvent(new Event("change"));
    this.#read(position);
  }

  #closed() {
    if (this.over) return;
    this.leave();
    this.dispatchEvent(new Event("ended"));
  }

  /** Reads who is there and what is shown; the last one asked for wins. */
  async #read(position) {
    this.wanted = Math.max(this.wanted ?? 0, position ?? 0);
    if (this.reading) return;
    this.reading = true;
    try {
      for (let failures = 0, at = -1; at < this.wanted && !this.over; ) {
        const asked = this.wanted;
        try {
          const { liveSession } = await this.api.ask(STANDS, { id: this.ticket.liveSessionId, at: asked });
          if (liveSession) this.room = { ...this.room, ...liveSession };
          at = asked;
          failures = 0;
        } catch (fault) {
          if (!(fault instanceof Unreachable) && !["VIEWS_BEHIND", "UNAVAILABLE", "TIMEOUT"].includes(fault.code)) throw fault;
          await pause(Math.min(4_000, 200 * 2 ** failures++));
        }
      }
    } finally {
      this.reading = false;
    }
    if (this.room.status === "CLOSED") return this.#closed();
    this.#name(this.room.participants.map((one) => one.facilityId));
    this.dispatchEvent(new Event("change"));
  }

  async #readPoints(position) {
    try {
      const { consultationBoard } = await this.api.ask(POINTS, { id: this.seat.consultationId, at: position });
      if (!consultationBoard) return;
      const { points, ...board } = consultationBoard;
      this.board = { ...this.board, ...board };
      this.points = points;
      this.#name(points.map((one) => one.facilityId));
      this.dispatchEvent(new Event("change"));
    } catch {
      // The next update asks again; what is shown is only somewhat older.
    }
  }

  async #name(ids) {
    for (const id of new Set(ids)) {
      if (!id || this.names.has(id)) continue;
      this.names.set(id, null);
      try {
        const { facility } = await this.api.ask(NAME, { id });
        this.names.set(id, facility);
        this.dispatchEvent(new Event("change"));
      } catch {
        this.names.delete(id);
      }
    }
  }

  /** What is shown: all that is carried, and for some seconds what was. */
  #watch() {
    let later = false;
    for (const [key, place] of this.watching.places) {
      const waits = !place.live && place.goneAt && performance.now() - place.goneAt < KEEPS_LOST_MS;
      later ||= Boolean(waits);
      if (place.live || waits) {
        if (!this.watched.has(key)) this.qualities.set(place, new Quality(place));
        this.watched.set(key, place);
      } else {
        this.watched.delete(key);
        this.qualities.delete(place);
      }
    }
    clearTimeout(this.later);
    if (later && !this.over) this.later = setTimeout(() => this.#watch(), 1_000);
    this.dispatchEvent(new Event("change"));
  }

  /** Who sends what is shown at a place. */
  senderOf(place) {
    const kinds = { camera: ["CAMERA", "AUDIO"], ultrasound: ["ULTRASOUND"], screen: ["SCREEN"], audio: ["AUDIO"] }[place.source];
    for (const kind of kinds) {
      const track = this.room.tracks.find((one) => one.source === kind && this.pointOf(one.participantId) === place.pointId);
      if (track) return track.participantId;
    }
    return null;
  }

  #said(message) {
    if (message.type === "speaker") this.speaker = message.pointId;
    if (message.type === "rung" && message.send) {
      for (const { source, kbit } of message.send) this.asked.set(source, kbit);
      for (const line of this.sent.values()) this.#obey(line);
    }
    this.dispatchEvent(new Event("change"));
  }

  /** A picture for which nothing is asked is not sent, so that its sound has the line; it comes back when it is. */
  #obey(line) {
    const kbit = this.asked.get(line.source);
    const [picture] = line.stream.getVideoTracks();
    const sender = line.pc?.getTransceivers().find((one) => one.receiver.track.kind === "video")?.sender;
    if (kbit === undefined || !picture || !sender) return;
    const wanted = kbit === 0 ? null : picture;
    line.pictureAsked = kbit !== 0;
    if (sender.track !== wanted) sender.replaceTrack(wanted).catch(() => {});
  }

  #hear(line) {
    this.qualities.set(line, new Quality(line));
    line.addEventListener("change", () => {
      this.dispatchEvent(new CustomEvent("line", { detail: line }));
      if (line.state === "live") this.#obey(line);
      if (line.state === "refused") this.#lineRefused(line);
    });
  }

  #lineRefused(line) {
    if (["CARE_NOT_UNDER_WAY", "REMOVED_FROM_THE_ROOM", "POINT_NOT_JOINED"].includes(line.fault.code)) this.#refused(line.fault);
  }

  async #look() {
    const looked = await Promise.all(
      [...this.qualities].map(async ([line, quality]) => ({ line: line.name, state: line.state, ...(await quality.look()) })),
    );
    for (const line of this.sent.values()) await this.#tellOf(line);
    this.telemetry.push(...looked);
    this.telemetry.splice(0, Math.max(0, this.telemetry.length - 3_000));
    this.dispatchEvent(new CustomEvent("numbers", { detail: looked }));
  }

  /** What the browser knows of its own line to the worker, which decides by it what is asked for. */
  async #tellOf(line) {
    if (line.source === "audio" || !line.pc || !line.stream.getVideoTracks().length) return;
    const found = [...(await line.pc.getStats()).values()];
    const pair = found.find((one) => one.type === "candidate-pair" && one.nominated);
    const sent = found.find((one) => one.type === "outbound-rtp" && one.kind === "video");
    if (!pair?.availableOutgoingBitrate || !sent) return;
    this.watching.tell({
      type: "telemetry", source: line.source, availableKbit: Math.round(pair.availableOutgoingBitrate / 1000),
      limitedBy: sent.qualityLimitationReason ?? "none",
    });
  }

  /** How good the way is between me and a point, as a word; the worst of what is sent or watched there. */
  word(pointId) {
    const order = ["good", "weak", "poor", "lost"];
    const own = pointId === this.ticket?.pointId;
    const lines = own ? [...this.sent.values()] : [...this.watched.values()].filter((one) => one.pointId === pointId);
    return lines.reduce((worst, line) => {
      const word = this.qualities.get(line)?.word ?? "good";
      return order.indexOf(word) > order.indexOf(worst) ? word : worst;
    }, "good");
  }

  #api(up) {
    if (this.apiUp === up) return;
    this.apiUp = up;
    this.dispatchEvent(new Event("change"));
  }

  /** The chair sent this participant out. @param {Refused} fault */
  removed(fault) {
    this.#refused(fault);
  }

  #refused(fault) {
    if (this.over) return;
    this.leave();
    this.dispatchEvent(new CustomEvent("refused", { detail: fault }));
  }
}
