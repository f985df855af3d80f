// The lobby: see yourself, choose devices, and come in.
//
// Rules: nothing is sent from here; whoever has no camera, or does not let it be used, comes in all the same.

import { openCamera, openUltrasound } from "../live/sending.js";
import { el, icon } from "./dom.js";
import { explain, say } from "./words.js";

/**
 * @param {any} known what the tab knows @param {any} person the claims of the token
 * @param {(wanted: any) => void} join @param {() => void} switched
 */
export function lobby(known, person, join, switched) {
  /** @type {MediaStream | null} */
  let stream = null;
  let mayUltrasound = Boolean(known.device);
  let handedOver = false;
  const video = el("video", { muted: true, autoplay: true, playsInline: true, "aria-label": say("preview") });
  const off = el("div.preview-off", {}, icon("cameraOff"), el("span", { text: say("previewOff") }));
  const fault = el("p.fault", { role: "alert", hidden: true });
  const cameras = choice("camera", say("camera"), say("noCamera"));
  const microphones = choice("microphone", say("microphone"), say("noMicrophone"));
  const ultrasounds = choice("ultrasound", say("ultrasound"), say("noUltrasound"));
  const equipment = check("equipment", say("equipment"), known.equipment === "1");
  const observes = check("observes", say("observe"), known.observe === "1");
  ultrasounds.node.hidden = !mayUltrasound;

  function choice(id, label, none) {
    const select = el("select", { id, onchange: () => open() });
    return { node: el("div.field", {}, el("label", { for: id, text: label }), select), select, none };
  }

  function check(id, label, checked) {
    const input = el("input", { type: "checkbox", id, checked, onchange: () => open() });
    return { node: el("label.check", { for: id }, input, el("span", { text: label })), input };
  }

  async function list() {
    const devices = await navigator.mediaDevices.enumerateDevices();
    put(cameras, devices.filter((one) => one.kind === "videoinput"), known.camera);
    put(microphones, devices.filter((one) => one.kind === "audioinput"), known.microphone);
    const videos = devices.filter((one) => one.kind === "videoinput");
    const guess = videos.find((one) => /ultra|siêu âm|capture|hdmi|probe|scan/i.test(one.label));
    put(ultrasounds, videos, known.ultrasound ?? guess?.deviceId ?? "");
  }

  function put({ select, none }, devices, wanted) {
    const before = select.options.length ? select.value : wanted ?? devices[0]?.deviceId ?? "";
    select.replaceChildren(
      ...devices.map((one, at) => el("option", { value: one.deviceId, text: one.label || `${at + 1}` })),
      el("option", { value: "", text: none }),
    );
    select.value = [...select.options].some((one) => one.value === before) ? before : "";
  }

  async function open() {
    stop();
    off.hidden = false;
    const picture = !observes.input.checked && (cameras.select.options.length === 0 || cameras.select.value !== "");
    const sound = !observes.input.checked && (microphones.select.options.length === 0 || microphones.select.value !== "");
    for (const one of [cameras, microphones, ultrasounds]) one.select.disabled = observes.input.checked;
    if (!picture && !sound) return list();
    try {
      stream = await openCamera({ camera: cameras.select.value, microphone: microphones.select.value, picture, sound, size: size(known) });
      fault.hidden = true;
      video.srcObject = stream;
      off.hidden = stream.getVideoTracks().length > 0;
    } catch (problem) {
      fault.hidden = false;
      fault.textContent = problem.name === "NotAllowedError" ? say("cameraDenied") : explain(problem).text;
    }
    await list();
  }

  function stop() {
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = null;
    video.srcObject = null;
  }

  async function enter() {
    handedOver = true;
    Object.assign(known, { camera: cameras.select.value, microphone: microphones.select.value, ultrasound: ultrasounds.select.value });
    const camera = stream;
    const device = mayUltrasound && !observes.input.checked && ultrasounds.select.value;
    const scan = device ? await openUltrasound(device, scanSize(known)).catch(() => null) : null;
    join({
      camera, scan, size: size(known), ultrasound: Boolean(device), devices: { ...known },
      equipment: equipment.input.checked, observes: observes.input.checked,
      stop: () => {
        for (const one of [camera, scan]) for (const track of one?.getTracks() ?? []) track.stop();
      },
    });
  }

  const node = el("main.lobby", { "data-state": "lobby" },
    el("div.card", {},
      el("header.row.between", {},
        el("h1", { text: say("ready") }),
        el("button.quiet", { type: "button", onclick: switched, text: say("language") })),
      el("div.lobby-parts", {},
        el("div.preview", {}, video, off, el("span.tag", { text: person.name ?? say("you") })),
        el("div.choices", {}, cameras.node, microphones.node, ultrasounds.node, equipment.node, observes.node, fault,
          el("button.primary.wide", { type: "button", id: "join", onclick: enter, text: say("join") })))));
  list().then(open);
  return { node, close: () => handedOver || stop() };
}

/** A size that the link asks for, for small machines: `size=320x180@10`. */
export function size(known, name = "size") {
  const found = /^(\d+)x(\d+)(?:@(\d+))?$/.exec(known[name] ?? "");
  if (!found) return {};
  const [, width, height, rate] = found.map(Number);
  return { width, height, ...(rate ? { frameRate: rate } : {}) };
}

const scanSize = (known) => size(known, "scansize");
