// What a point watches: the picture and the sound of one source of another point, over a line that mends itself.
//
// Rules: `stream` is one and the same from the first connection to the last, so a screen that shows it never has to be
// told of a new line; what a line that is gone had brought stays as its last picture until the new one moves.

import { Line } from "./line.js";

/**
 * @param {string} pointId @param {string} source @param {{ticket: (fresh: boolean) => Promise<any>}} room
 * @param {{sound?: boolean}} [what]
 */
export function watching(pointId, source, room, { sound = true } = {}) {
  const stream = new MediaStream();
  const line = new Line({
    name: `watch ${source} of ${pointId}`,
    ticket: room.ticket,
    address: (ticket) => ticket.whepTemplate.replace("{pointId}", pointId).replace("{source}", source),
    // A picture that stands still sends a report each second only.
    quietMs: 1_600,
    prepare: (pc) => {
      pc.addTransceiver("video", { direction: "recvonly" });
      if (sound) pc.addTransceiver("audio", { direction: "recvonly" });
    },
    stands: (pc) => {
      const tracks = pc.getReceivers().map((one) => one.track);
      for (const old of stream.getTracks()) if (!tracks.includes(old)) stream.removeTrack(old);
      for (const track of tracks) stream.addTrack(track);
      line.dispatchEvent(new Event("tracks"));
    },
  });
  return Object.assign(line, { pointId, source, stream });
}
