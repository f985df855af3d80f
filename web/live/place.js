/** @typedef {import("./visit.js").Carried} Carried */

/** A camera, an ultrasound or a screen of a point, as it is shown here. */
export class Place {
  constructor(watching, pointId, source) {
    Object.assign(this, { watching, pointId, source });
    this.stream = new MediaStream();
    /** @type {Carried[]} */
    this.lines = [];
    this.goneAt = 0;
  }

  get name() {
    return `watch ${this.source} of ${this.pointId}`;
  }

  get pc() {
    return this.watching.pc;
  }

  get mids() {
    return this.lines.map((one) => one.mid);
  }

  get live() {
    return this.lines.some((one) => one.live);
  }

  get hasPicture() {
    return this.lines.some((one) => one.live && one.kind === "video");
  }

  get state() {
    return this.watching.state !== "live" ? this.watching.state : this.live ? "live" : "waiting";
  }

  get connections() {
    return this.watching.connections;
  }

  get mendedMs() {
    return this.watching.mendedMs;
  }

  get fault() {
    return this.watching.fault;
  }

  /** @param {Carried[]} lines @param {Visit} visit */
  carry(lines, visit) {
    const before = this.live;
    this.lines = lines;
    if (before && !this.live) this.goneAt = performance.now();
    // What is no longer carried stays as its last picture; what is carried takes its place.
    if (!this.live) return;
    const tracks = lines.map((one) => visit.tracks.get(one.mid)).filter((one) => one !== undefined);
    for (const old of this.stream.getTracks()) if (!tracks.includes(old)) this.stream.removeTrack(old);
    for (const track of tracks) this.stream.addTrack(track);
  }
}
