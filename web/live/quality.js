// How good a line is, from the browser's own statistics: numbers for the record, and a word for people.
//
// Rules: numbers are those of the last interval, not since the beginning; a word needs two looks in a row to become
// better and one to become worse, so that it does not flicker; silence of a line is told as its state, not as zero loss.

/**
 * @typedef {object} Numbers
 * @property {number} at ms since 1970
 * @property {"send" | "watch"} direction
 * @property {number} kbps
 * @property {number} lossPercent
 * @property {number} rttMs
 * @property {number} jitterMs
 * @property {number} fps
 * @property {number} width
 * @property {number} height
 * @property {number} freezes since the connection began
 * @property {number} frozenMs since the connection began
 * @property {number} frames since the connection began
 * @property {number} loudness 0 to 1
 * @property {string} limited by what the encoder says it is held back: none, cpu, bandwidth, other
 */

/** @typedef {"good" | "weak" | "poor" | "lost"} Word */

const WORDS = ["good", "weak", "poor", "lost"];

/** Looks at one line, again and again. */
export class Quality {
  /** @param {any} line one that sends, or a place that is watched, whose `mids` are its own */
  constructor(line) {
    this.line = line;
    /** @type {Map<string, any>} */
    this.before = new Map();
    /** @type {Numbers | null} */
    this.numbers = null;
    /** @type {Word} */
    this.word = "good";
    this.better = 0;
  }

  /** @returns {Promise<Numbers | null>} */
  async look() {
    const { pc, state } = this.line;
    if (!pc || pc.connectionState === "closed") {
      this.#judge(state === "live" ? 0 : 3);
      return this.numbers;
    }
    const found = [...(await pc.getStats()).values()];
    const { mids } = this.line;
    this.numbers = this.#read(mids ? found.filter((one) => one.type !== "inbound-rtp" || mids.includes(one.mid)) : found);
    this.#judge(state === "live" ? severity(this.numbers) : 3);
    return this.numbers;
  }

  /** @returns {Numbers} */
  #read(reports) {
    const sums = { kbps: 0, lost: 0, came: 0, rttMs: 0, jitterMs: 0, fps: 0, width: 0, height: 0, freezes: 0,
      frozenMs: 0, frames: 0, loudness: 0 };
    let limited = "none";
    const direction = reports.some((one) => one.type === "outbound-rtp") ? "send" : "watch";
    for (const one of reports) {
      const was = this.before.get(one.id);
      const seconds = was ? (one.timestamp - was.timestamp) / 1000 : 0;
      const grown = (field) => (was ? Math.max(0, (one[field] ?? 0) - (was[field] ?? 0)) : 0);
      if (one.type === "outbound-rtp" || one.type === "inbound-rtp") {
        if (seconds) sums.kbps += ((grown("bytesSent") + grown("bytesReceived")) * 8) / 1000 / seconds;
        if ((one.frameHeight ?? 0) > sums.height) {
          sums.width = one.frameWidth;
          sums.height = one.frameHeight;
        }
        sums.fps = Math.max(sums.fps, one.framesPerSecond ?? 0);
        sums.freezes += one.freezeCount ?? 0;
        sums.frozenMs += (one.totalFreezesDuration ?? 0) * 1000;
        sums.frames = Math.max(sums.frames, one.framesDecoded ?? one.framesEncoded ?? 0);
        if (one.type === "inbound-rtp") {
          sums.lost += grown("packetsLost");
          sums.came += grown("packetsReceived");
          sums.jitterMs = Math.max(sums.jitterMs, (one.jitter ?? 0) * 1000);
          sums.loudness = Math.max(sums.loudness, one.audioLevel ?? 0);
        }
        const reason = one.qualityLimitationReason;
        if (reason && reason !== "none") limited = reason;
      }
      if (one.type === "remote-inbound-rtp") {
        sums.lost += Math.max(0, grown("packetsLost"));
        sums.jitterMs = Math.max(sums.jitterMs, (one.jitter ?? 0) * 1000);
        sums.rttMs = Math.max(sums.rttMs, (one.roundTripTime ?? 0) * 1000);
      }
      if (one.type === "media-source" && one.kind === "audio") sums.loudness = Math.max(sums.loudness, one.audioLevel ?? 0);
      if (one.type === "outbound-rtp") sums.came += grown("packetsSent");
      if (one.type === "candidate-pair" && one.nominated) {
        sums.rttMs = Math.max(sums.rttMs, (one.currentRoundTripTime ?? 0) * 1000);
      }
    }
    this.before = new Map(reports.map((one) => [one.id, one]));
    const { lost, came, ...rest } = sums;
    for (const name of ["kbps", "rttMs", "jitterMs", "fps", "frozenMs"]) rest[name] = Math.round(rest[name]);
    const lossPercent = came + lost ? Math.round((1000 * lost) / (came + lost)) / 10 : 0;
    return { at: Date.now(), direction, lossPercent, limited, ...rest };
  }

  #judge(severity) {
    const now = WORDS.indexOf(this.word);
    this.better = severity < now ? this.better + 1 : 0;
    if (severity > now || this.better > 1) {
      this.word = /** @type {Word} */ (WORDS[severity]);
      this.better = 0;
    }
  }
}

/** 0 good, 1 weak, 2 poor: by loss, by round trip, and by what is left of the picture. @param {Numbers} numbers */
export function severity({ lossPercent, rttMs, jitterMs, fps, height, limited }) {
  if (lossPercent > 8 || rttMs > 800 || (height && fps && fps < 5)) return 2;
  if (lossPercent > 3 || rttMs > 400 || jitterMs > 80 || limited === "bandwidth" || (height && fps && fps < 8)) return 1;
  return 0;
}
