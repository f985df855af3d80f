// What a page needs to publish by WHIP and to watch by WHEP; nothing of it knows our server.
const kept = {};

// How late this page's own clock came, at worst: a machine that has no time for us freezes every picture.
let stalled = 0;
let due = performance.now() + 20;
setInterval(() => {
  const now = performance.now();
  stalled = Math.max(stalled, now - due);
  due = now + 20;
}, 20);

async function gathered(pc, patience = 500) {
  if (pc.iceGatheringState === "complete") return;
  await new Promise((done) => {
    pc.addEventListener("icegatheringstatechange", () => pc.iceGatheringState === "complete" && done());
    setTimeout(done, patience);
  });
}

async function exchange(pc, url, token, patience) {
  await pc.setLocalDescription(await pc.createOffer());
  await gathered(pc, patience);
  const reply = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/sdp", Authorization: `Bearer ${token}` },
    body: pc.localDescription.sdp,
  });
  const text = await reply.text();
  if (reply.status !== 201) throw new Error(`${reply.status} ${text}`);
  await pc.setRemoteDescription({ type: "answer", sdp: text });
  return { location: reply.headers.get("Location"), answer: text, etag: reply.headers.get("ETag") };
}

function preferred(pc, kind, codec) {
  if (!codec) return;
  const all = RTCRtpReceiver.getCapabilities(kind).codecs;
  const first = all.filter((c) => c.mimeType.toLowerCase() === `video/${codec.toLowerCase()}`);
  const rest = all.filter((c) => !first.includes(c));
  for (const t of pc.getTransceivers()) if (t.receiver.track.kind === kind) t.setCodecPreferences([...first, ...rest]);
}

async function publish(name, url, token, options = {}) {
  const { width = 640, height = 480, bitrate, codec, layers, scalability, servers, hint = "detail" } = options;
  const { audio = true, talks = false } = options;
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width, height, frameRate: 30 }, audio });
  const relays = servers ? { iceServers: servers, iceTransportPolicy: "relay" } : {};
  const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle", ...relays });
  const [video] = stream.getVideoTracks();
  video.contentHint = hint;
  const encodings = layers
    ? layers.map(([rid, scale, maxBitrate]) => ({ rid, scaleResolutionDownBy: scale, maxBitrate }))
    : [{ ...(bitrate && { maxBitrate: bitrate }), ...(scalability && { scalabilityMode: scalability }) }];
  pc.addTransceiver(video, { direction: "sendonly", sendEncodings: encodings });
  for (const track of stream.getAudioTracks()) pc.addTransceiver(track, { direction: "sendonly" });
  preferred(pc, "video", codec);
  kept[name] = { pc, stream, talk: talks ? talking(pc) : null };
  return { ...(await exchange(pc, url, token, servers ? 20_000 : 500)), offer: pc.localDescription.sdp };
}

// The data channels of a room: one for what counts, one for what is worth its moment.
function talking(pc) {
  const talk = { heard: [] };
  listen(talk, pc.createDataChannel("room"));
  listen(talk, pc.createDataChannel("pointer", { ordered: false, maxRetransmits: 0 }));
  return talk;
}

function listen(talk, channel) {
  talk[channel.label] = channel;
  channel.addEventListener("message", ({ data }) => talk.heard.push({ over: channel.label, ...JSON.parse(data) }));
}

function talkOf(name, type) { return kept[name].talk.heard.filter((one) => one.type === type); }
async function talkTo(name, text, over = "room") { (await opened(kept[name].talk[over])).send(text); }

// A socket or a channel that something may be sent over: what is sent before it is open is lost, or an error.
async function opened(way) {
  if (["connecting", WebSocket.CONNECTING].includes(way.readyState))
    await new Promise((done, failed) => {
      way.addEventListener("open", done);
      way.addEventListener("close", () => failed(new Error(`${way.url ?? way.label} was closed before it was open`)));
    });
  return way;
}

async function watch(name, url, token, { audio = true, talks = false } = {}) {
  const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  const video = document.createElement("video");
  video.muted = true;
  video.autoplay = true;
  video.playsInline = true;
  video.srcObject = new MediaStream();
  document.body.append(video);
  pc.addTransceiver("video", { direction: "recvonly" });
  if (audio) pc.addTransceiver("audio", { direction: "recvonly" });
  const times = [];
  const onFrame = (now) => { times.push(now); video.requestVideoFrameCallback(onFrame); };
  video.requestVideoFrameCallback(onFrame);
  pc.addEventListener("track", (event) => { video.srcObject.addTrack(event.track); video.play().catch(() => {}); });
  kept[name] = { pc, video, times, talk: talks ? talking(pc) : null };
  return exchange(pc, url, token);
}

// A room's connection: the worker offers, once and again, and each line shows what comes over it.
async function answerTo(name, offer) {
  let room = kept[name];
  if (!room) {
    room = kept[name] = { pc: new RTCPeerConnection({ bundlePolicy: "max-bundle" }), videos: {}, talk: { heard: [] } };
    room.pc.addEventListener("datachannel", ({ channel }) => listen(room.talk, channel));
    room.pc.addEventListener("track", ({ track, transceiver }) => {
      const video = document.createElement(track.kind);
      video.muted = video.autoplay = true;
      video.srcObject = new MediaStream([track]);
      document.body.append(video);
      room.videos[transceiver.mid] = video;
      video.play().catch(() => {});
    });
  }
  await room.pc.setRemoteDescription({ type: "offer", sdp: offer });
  await room.pc.setLocalDescription(await room.pc.createAnswer());
  await gathered(room.pc);
  return room.pc.localDescription.sdp;
}

// The socket of a room, as any client speaks with it.
function enter(name, url, token) {
  const socket = new WebSocket(url.replace(/^http/, "ws"));
  const told = [];
  kept[`${name}-socket`] = { socket, told };
  socket.addEventListener("open", () => socket.send(JSON.stringify({ type: "hello", token })));
  socket.addEventListener("close", ({ code, reason }) => told.push({ type: "closed", code, reason }));
  socket.addEventListener("message", async ({ data }) => {
    const message = JSON.parse(data);
    told.push(message);
    if (message.type === "offer") socket.send(JSON.stringify({ type: "answer", sdp: await answerTo(name, message.sdp) }));
  });
}
function toldIn(name, type) { return kept[`${name}-socket`].told.filter((one) => !type || one.type === type); }

// After its hello, however early it is called.
async function say(name, message) {
  const { socket } = kept[`${name}-socket`];
  (await opened(socket)).send(typeof message === "string" ? message : JSON.stringify(message));
}

function shown(name) {
  const found = {};
  for (const [mid, video] of Object.entries(kept[name].videos))
    found[mid] = video.getVideoPlaybackQuality ? video.getVideoPlaybackQuality().totalVideoFrames : null;
  return found;
}

async function stats(name) {
  const { pc, video, times = [] } = kept[name];
  const found = { state: pc.connectionState, inbound: {}, outbound: [] };
  for (const one of (await pc.getStats()).values()) {
    if (one.type === "inbound-rtp") found.inbound[one.kind] = one;
    if (one.type === "outbound-rtp") found.outbound.push(one);
    if (one.type === "transport") found.srtp = one.srtpCipher;
    if (one.type === "candidate-pair" && one.nominated) found.pair = one;
  }
  if (video) {
    const gaps = times.slice(1).map((t, i) => t - times[i]);
    found.quality = { total: video.getVideoPlaybackQuality().totalVideoFrames, dropped: video.getVideoPlaybackQuality().droppedVideoFrames };
    found.size = [video.videoWidth, video.videoHeight];
    found.longestGap = Math.max(0, ...gaps);
    found.frames = times.length;
    found.stalled = stalled;
  }
  return found;
}

async function usedCandidate(name) {
  const found = await kept[name].pc.getStats();
  for (const one of found.values())
    if (one.type === "candidate-pair" && one.nominated) return found.get(one.localCandidateId).candidateType;
}

function forget(name) { const { times } = kept[name]; if (times) times.length = 0; stalled = 0; }
function close(name) { kept[name].pc.close(); kept[name].stream?.getTracks().forEach((t) => t.stop()); }
