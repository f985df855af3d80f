// The strip of the points: who is there, who chairs, who has the floor, how good each line is.

import { el, icon } from "./dom.js";
import { bars } from "./room.js";
import { say } from "./words.js";

const LOUD = 0.02;

export class Strip {
  /** @param {import("./room.js").Room} room */
  constructor(room) {
    this.room = room;
    /** @type {Map<string, any>} */
    this.tiles = new Map();
    this.node = el("ul.strip", {});
  }

  forget() {
    for (const tile of this.tiles.values()) delete tile.text.dataset.key;
  }

  draw() {
    this.node.setAttribute("aria-label", say("inRoom"));
    const wanted = this.#wanted();
    for (const [key, tile] of this.tiles) {
      if (wanted.has(key)) continue;
      tile.node.remove();
      this.tiles.delete(key);
    }
    for (const [key, one] of wanted) {
      let tile = this.tiles.get(key);
      if (!tile) {
        tile = this.#tile(one);
        this.tiles.set(key, tile);
        this.node.append(tile.node);
      }
      this.#show(tile, one);
    }
  }

  /** A tile for each picture, for each point without one, and for me. */
  #wanted() {
    const { session, stage } = this.room;
    const pictures = stage.pictures();
    const wanted = new Map();
    for (const one of pictures) wanted.set(`${one.point} ${one.source}`, one);
    const there = new Set(pictures.map((one) => one.point));
    const mine = session.ticket.pointId;
    if (!there.has(mine)) wanted.set(`${mine} none`, { point: mine, source: "none", stream: null, seen: false, mine: true });
    for (const one of session.room.participants) {
      const point = one.facilityId ?? one.personId;
      if (!one.present || there.has(point) || point === mine || one.part === "OBSERVER") continue;
      wanted.set(`${point} none`, { point, source: "none", stream: null, seen: false, mine: false });
    }
    return wanted;
  }

  #tile(one) {
    const video = el("video", { autoplay: true, playsInline: true, muted: true, tabindex: "-1", "aria-hidden": "true" });
    // The sound of a point is heard here, once, however large or small its picture is shown.
    const audio = one.mine ? null : el("audio", { autoplay: true });
    const text = el("span.tile-text");
    const initials = el("span.initials", { "aria-hidden": "true" });
    const button = el("button.tile", { type: "button", onclick: () => this.room.stage.pin(one.source === "none" ? null : { point: one.point, source: one.source }) },
      initials, video, text);
    const node = el("li", {}, button, ...(audio ? [audio] : []));
    return { node, button, video, audio, text, initials };
  }

  #show(tile, one) {
    const { room } = this;
    const { session } = room;
    const picture = one.seen;
    if (tile.video.srcObject !== one.stream) {
      tile.video.srcObject = one.stream;
      if (one.stream) tile.video.play().catch(() => {});
    }
    if (tile.audio && one.stream && tile.audio.srcObject !== one.stream) {
      tile.audio.srcObject = one.stream;
      tile.audio.play().catch(() => room.tell(say("sound")));
    }
    const word = one.line ? session.qualities.get(one.line)?.word ?? "good" : null;
    const loud = (one.line && session.qualities.get(one.line)?.numbers?.loudness) > LOUD;
    const marks = {
      chair: session.board && one.point === session.board.centreId,
      floor: session.board && one.point === session.board.floorId,
      hand: room.talk.hands?.has(one.point) ?? false,
      loud: Boolean(loud) && one.source === "camera",
      quiet: one.mine && one.source === "camera" && one.stream.getAudioTracks().every((track) => !track.enabled),
      silenced: one.source !== "ultrasound" && session.room.participants.some((other) => other.muted && other.present && (other.facilityId ?? other.personId) === one.point),
      shown: room.stage.shown && room.stage.shown.point === one.point && room.stage.shown.source === one.source,
      pinned: room.pinned?.point === one.point && room.pinned?.source === one.source,
    };
    const name = one.mine ? say("you") : room.shortName(one.point);
    const source = one.source === "ultrasound" || one.source === "screen" ? say(one.source) : "";
    tile.initials.hidden = Boolean(picture);
    tile.video.hidden = !picture;
    tile.button.classList.toggle("shown", Boolean(marks.shown));
    tile.button.classList.toggle("loud", marks.loud);
    tile.button.dataset.point = one.point;
    tile.button.dataset.source = one.source;
    const key = JSON.stringify([name, source, word, marks, say("chair")]);
    if (tile.text.dataset.key === key) return;
    tile.text.dataset.key = key;
    tile.initials.textContent = initials(name);
    tile.button.setAttribute("aria-pressed", String(Boolean(marks.pinned)));
    tile.button.setAttribute("title", `${say("show")}: ${name} ${source}`);
    const tags = [
      source && el("span.mark-tag.source", { text: source }),
      marks.chair && !source && el("span.mark-tag.chair", { text: say("chair") }),
      marks.floor && !source && el("span.mark-tag.floor", { text: say("floor") }),
      marks.hand && !source && el("span.mark-tag.hand", {}, icon("hand"), say("asksShort")),
    ].filter(Boolean);
    tile.text.replaceChildren(
      el("span.tile-tags", {}, ...tags,
        word ? el(`span.tile-quality.line-${word}`, { "data-quality": word }, bars(word), say(word)) : null),
      el("span.tile-line", {},
        marks.quiet || marks.silenced ? icon("microphoneOff") : null,
        el("span.tile-name", { text: name })));
  }
}

/** The first letters of the last two words: BV Bạch Mai is BM. */
function initials(name) {
  return name.split(/\s+/).slice(-2).map((word) => word[0] ?? "").join("").toUpperCase();
}
