// A page that comes back by itself, as docs/live-media.md says a client does: a line is dead when the connection says so
// or when nothing came over it for a while; then it asks for a new ticket, which says where the room is now.
const LOOK_MS = 100, AGAIN_MS = 250;
const rest = (ms) => new Promise((done) => setTimeout(done, ms));
const lines = {};

async function received(pc) {
  for (const one of (await pc.getStats()).values()) if (one.type === "transport") return one.bytesReceived;
  return 0;
}

async function died(pc, quietMs) {
  let bytes = -1;
  let heard = performance.now();
  while (!["failed", "closed", "disconnected"].includes(pc.connectionState)) {
    const now = await received(pc);
    if (now !== bytes) [bytes, heard] = [now, performance.now()];
    else if (performance.now() - heard > quietMs) return;
    await rest(LOOK_MS);
  }
}

// `how.publishes` sends the test pattern, anything else watches; `how.quietMs` is how long a line may be silent, and
// `ticket` answers { url, token }. All times are milliseconds of the day.
async function stay(name, how) {
  const line = (lines[name] = { joined: [], died: [], refused: [] });
  for (;;) {
    const before = kept[name];
    try {
      const { url, token } = await ticket(name);
      if (how.publishes) await publish(name, url, token, how);
      else await watch(name, url, token);
      line.joined.push({ at: ofDay(performance.now()), worker: new URL(url).origin });
      if (before) end(before);
      await died(kept[name].pc, how.quietMs);
      line.died.push(ofDay(performance.now()));
    } catch (fault) {
      line.refused.push(String(fault));
      if (kept[name] !== before) end(kept[name]);
      kept[name] = before;
      await rest(AGAIN_MS);
    }
  }
}

function end({ pc, stream, video }) {
  pc.close();
  stream?.getTracks().forEach((track) => track.stop());
  video?.remove();
}

const ofDay = (now) => performance.timeOrigin + now;

// The lines so far, how many frames the present one has shown, and when it showed its first.
function lineOf(name) {
  const { times = [] } = kept[name] ?? {};
  const first = times.length ? ofDay(times[0]) : null;
  return { ...lines[name], frames: times.length, first };
}
