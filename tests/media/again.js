// A page that comes back by itself, as docs/live-media.md says a client does: a line is dead when the connection says so
// or when nothing came over it for a second; then it asks for a new ticket, which says where the room is now.
const QUIET_MS = 1000, LOOK_MS = 100, AGAIN_MS = 250;
const rest = (ms) => new Promise((done) => setTimeout(done, ms));
const lines = {};

async function received(pc) {
  for (const one of (await pc.getStats()).values()) if (one.type === "transport") return one.bytesReceived;
  return 0;
}

async function died(pc) {
  let bytes = -1;
  let heard = performance.now();
  while (!["failed", "closed", "disconnected"].includes(pc.connectionState)) {
    const now = await received(pc);
    if (now !== bytes) [bytes, heard] = [now, performance.now()];
    else if (performance.now() - heard > QUIET_MS) return;
    await rest(LOOK_MS);
  }
}

// `how.publishes` sends the test pattern, anything else watches; `ticket` answers { url, token }.
async function stay(name, how) {
  const line = (lines[name] = { joined: [], refused: [] });
  for (;;) {
    const before = kept[name];
    try {
      const { url, token } = await ticket(name);
      if (how.publishes) await publish(name, url, token, how);
      else await watch(name, url, token);
      line.joined.push({ at: performance.timeOrigin + performance.now(), worker: new URL(url).origin });
      before?.pc.close();
      before?.stream?.getTracks().forEach((track) => track.stop());
      before?.video?.remove();
      await died(kept[name].pc);
    } catch (fault) {
      line.refused.push(String(fault));
    }
    await rest(AGAIN_MS);
  }
}

// The lines so far, how many frames the present one has shown, and when it showed its first, in milliseconds of the day.
function lineOf(name) {
  const { times = [] } = kept[name] ?? {};
  const first = times.length ? performance.timeOrigin + times[0] : null;
  return { ...lines[name], frames: times.length, first };
}
