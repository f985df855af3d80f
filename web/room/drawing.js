// What lies over the large picture: pointers that fade, and drawings that stay until they are cleared.

import { svg } from "./dom.js";

const POINTER_MS = 4_000;
const MOST_DOTS = 200;
const SHAPES = { freehand: "FREEHAND", arrow: "ARROW", ellipse: "ELLIPSE" };
const MARKS = `query ($session: UUID!, $track: UUID!, $after: String) {
  pictureMarks(liveSessionId: $session, trackId: $track, what: [DRAWN, CLEARED], first: 50, after: $after) {
    nodes { what shape dots { x y } strokeIds label } pageInfo { hasNextPage endCursor }
  }
}`;

export class Drawing {
  /** @param {import("./stage.js").Stage} stage */
  constructor(stage) {
    this.stage = stage;
    /** @type {Map<string, {shape: string, dots: {x: number, y: number}[]}>} */
    this.strokes = new Map();
    this.size = [16, 9];
    this.track = null;
    this.tool = null;
    this.open = null;
    this.lines = svg("g", { class: "strokes" });
    this.pointers = svg("g", { class: "pointers" });
    this.node = svg("svg", { class: "drawing" }, this.lines, this.pointers);
    for (const [name, heard] of Object.entries({ pointerdown: this.#down, pointermove: this.#move, pointerup: this.#up, pointercancel: this.#up })) {
      this.node.addEventListener(name, (event) => heard.call(this, event));
    }
    this.#stamp();
  }

  close() {
    this.closed = true;
  }

  /** Another picture: what was drawn on it comes from the log. */
  async of(trackId) {
    this.track = trackId;
    this.strokes.clear();
    this.pointers.replaceChildren();
    this.#paint();
    if (!trackId) return;
    const { session } = this.stage.room;
    try {
      for (let after = null, more = true; more; ) {
        const { pictureMarks } = await session.api.ask(MARKS, { session: session.ticket.liveSessionId, track: trackId, after });
        if (this.track !== trackId) return;
        for (const { what, shape, dots, strokeIds } of pictureMarks.nodes) {
          if (what === "DRAWN") this.strokes.set(strokeIds[0], { shape, dots: dots.map(numbers) });
          else for (const id of strokeIds) this.strokes.delete(id);
        }
        [after, more] = [pictureMarks.pageInfo.endCursor, pictureMarks.pageInfo.hasNextPage];
      }
      this.#paint();
    } catch {
      // What is drawn from now on is shown all the same.
    }
  }

  /** Remembers which frame is on the screen. */
  #stamp() {
    const { video } = this.stage;
    const seen = (now, frame) => {
      if (this.closed) return;
      this.rtpTimestamp = frame.rtpTimestamp;
      this.takenAt = performance.timeOrigin + (frame.captureTime ?? now);
      video.requestVideoFrameCallback(seen);
    };
    video.requestVideoFrameCallback(seen);
  }

  sized(width, height) {
    if (this.size[0] === width && this.size[1] === height) return;
    this.size = [width, height];
    this.node.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.#paint();
  }

  use(tool) {
    this.tool = tool;
    this.open = null;
    this.node.classList.toggle("in-use", Boolean(tool));
  }

  #at(event) {
    const box = this.node.getBoundingClientRect();
    const within = (value) => Math.min(1, Math.max(0, Math.round(value * 10_000) / 10_000));
    return { x: within((event.clientX - box.left) / box.width), y: within((event.clientY - box.top) / box.height) };
  }

  #down(event) {
    if (!this.tool || !this.track) return;
    this.node.setPointerCapture(event.pointerId);
    this.open = { began: performance.now(), dots: [{ ...this.#at(event), atMs: 0 }], frame: this.stage.moment() };
    this.#follow();
  }

  #move(event) {
    if (!this.open) return;
    const dot = { ...this.#at(event), atMs: Math.round(performance.now() - this.open.began) };
    const last = this.open.dots.at(-1);
    if (Math.hypot(dot.x - last.x, dot.y - last.y) < 0.004 || this.open.dots.length >= MOST_DOTS) return;
    if (this.tool === "freehand" || this.tool === "pointer") this.open.dots.push(dot);
    else this.open.dots = [this.open.dots[0], dot];
    this.#follow();
  }

  #follow() {
    const { dots } = this.open;
    if (this.tool === "pointer") {
      this.point("me", dots.at(-1));
      this.stage.room.talk.point(this.track, dots.at(-1), this.rtpTimestamp);
    }
    this.#paint();
  }

  async #up() {
    const done = this.open;
    this.open = null;
    if (!done) return;
    const { room } = this.stage;
    const dots = done.dots.map(({ x, y, atMs }) => ({ x: String(x), y: String(y), atMs }));
    const given = { ...this.stage.here(), frame: done.frame, dots };
    if (this.tool === "pointer" && room.talk.pointer?.readyState === "open") {
      room.talk.point(this.track, done.dots.at(-1), this.rtpTimestamp, true);
    } else if (this.tool === "pointer") {
      await room.attempt(() => room.session.api.tell("placePointer", given));
    } else if (dots.length > 1) {
      const strokeId = crypto.randomUUID();
      const shape = SHAPES[this.tool];
      this.strokes.set(strokeId, { shape, dots: done.dots });
      const stroke = { type: "stroke", id: strokeId, trackId: this.track, shape: shape.toLowerCase(), dots: done.dots, ...this.stage.rtp() };
      const told = await room.attempt(() => room.talk.ready
        ? room.talk.tell(stroke)
        : room.session.api.tell("drawStroke", { ...given, strokeId, shape }));
      if (!told) this.strokes.delete(strokeId);
    }
    this.#paint();
    room.draw();
  }

  async clear() {
    const { room } = this.stage;
    const told = await room.attempt(() => room.talk.ready
      ? room.talk.tell({ type: "clear", trackId: this.track })
      : room.session.api.tell("clearStrokes", { ...this.stage.here(), strokeIds: [] }));
    if (told) this.strokes.clear();
    this.#paint();
    room.draw();
  }

  /** @param {string} name @param {any} data as the log has it */
  fact(name, data) {
    if (name === "live_session.stroke_drawn") {
      this.strokes.set(data.stroke_id, { shape: data.shape.toUpperCase(), dots: data.dots.map(numbers) });
    } else if (name === "live_session.strokes_cleared") {
      for (const id of data.stroke_ids) this.strokes.delete(id);
    } else if (name === "live_session.pointer_placed") {
      this.point(data.participant_id, numbers(data.dots.at(-1)));
    }
    this.#paint();
    this.stage.room.draw();
  }

  /** Somebody points here, for some seconds. */
  point(who, { x, y }) {
    const [width, height] = this.size;
    let mark = [...this.pointers.children].find((one) => one.dataset.who === who);
    if (!mark) {
      mark = svg("g", { class: "pointer", "data-who": who }, svg("circle", { r: width / 60 }), svg("circle", { r: width / 260, class: "dot" }));
      this.pointers.append(mark);
    }
    mark.setAttribute("transform", `translate(${x * width} ${y * height})`);
    clearTimeout(mark.timer);
    mark.timer = setTimeout(() => mark.remove(), POINTER_MS);
  }

  #paint() {
    const open = this.open && this.tool !== "pointer" ? [{ shape: SHAPES[this.tool], dots: this.open.dots }] : [];
    const made = [...this.strokes.values(), ...open].flatMap((one) => this.#shape(one));
    this.lines.replaceChildren(...made);
  }

  #shape({ shape, dots }) {
    const [width, height] = this.size;
    const places = dots.map(({ x, y }) => [x * width, y * height]);
    const [x1, y1] = places[0];
    const [x2, y2] = places.at(-1);
    if (shape === "ELLIPSE") {
      const around = { cx: (x1 + x2) / 2, cy: (y1 + y2) / 2, rx: Math.abs(x2 - x1) / 2, ry: Math.abs(y2 - y1) / 2 };
      return [svg("ellipse", { ...around, class: "under" }), svg("ellipse", around)];
    }
    let path = `M${places.map((place) => place.join(" ")).join("L")}`;
    if (shape === "ARROW") {
      const angle = Math.atan2(y2 - y1, x2 - x1);
      const long = width / 30;
      const tip = (turn) => `${x2 - long * Math.cos(angle + turn)} ${y2 - long * Math.sin(angle + turn)}`;
      path += `M${tip(0.5)}L${x2} ${y2}L${tip(-0.5)}`;
    }
    return [svg("path", { d: path, class: "under" }), svg("path", { d: path })];
  }
}

const numbers = ({ x, y }) => ({ x: Number(x), y: Number(y) });
