// The page: who is signed in, then the lobby, then the room, then the end.
//
// Rules: the token comes in the fragment of the address, which is never sent anywhere, is taken out of it at once, and
// stays in this tab; one thing is shown at a time, and each has a way on.

import { Api } from "../live/api.js";
import { Session } from "../live/session.js";
import { el } from "./dom.js";
import { lobby } from "./lobby.js";
import { Room } from "./room.js";
import { signIn } from "./sign_in.js";
import { state } from "./state.js";
import { explain, language, say, speak } from "./words.js";

const WAITS_MS = 3_000;
const page = /** @type {HTMLElement} */ (document.getElementById("page"));
/** @type {(() => void) | null} */
let leaveShown = null;

/** What this tab knows: from the fragment first, then from before a reload. */
function seat() {
  const kept = JSON.parse(sessionStorage.getItem("telehealth.room") ?? "{}");
  const given = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  if (location.hash) history.replaceState(null, "", location.pathname);
  const other = given.consultation && kept.consultation && given.consultation !== kept.consultation;
  const known = { ...kept, ...given };
  known.participant = given.participant ?? ((!other && kept.participant) || crypto.randomUUID());
  sessionStorage.setItem("telehealth.room", JSON.stringify(known));
  return known;
}

function claims(token) {
  try {
    const middle = token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(middle), (one) => one.charCodeAt(0))));
  } catch {
    return {};
  }
}

const known = seat();
speak(known.lang === "en" ? "en" : "vi");

function show(...children) {
  leaveShown?.();
  leaveShown = null;
  page.replaceChildren(...children);
  document.getElementById("told")?.replaceChildren();
  document.title = say("title");
}

export function switchLanguage() {
  speak(language() === "vi" ? "en" : "vi");
  known.lang = language();
  sessionStorage.setItem("telehealth.room", JSON.stringify(known));
}

function begin() {
  if (!known.token || !(known.consultation || known.examination)) return show(signIn(known, entered, switched(begin)));
  const token = () => known.token;
  const api = new Api("/graphql", token);
  const person = claims(known.token);
  const made = lobby(known, person, (wanted) => enter(api, person, wanted), switched(begin));
  show(made.node);
  leaveShown = made.close;
}

const switched = (again) => () => {
  switchLanguage();
  again();
};

function entered(given) {
  Object.assign(known, given);
  sessionStorage.setItem("telehealth.room", JSON.stringify(known));
  begin();
}

async function enter(api, person, wanted) {
  const session = new Session(api, {
    participantId: known.participant,
    ...(known.consultation ? { consultationId: known.consultation } : { examinationId: known.examination }),
    equipmentOfThePoint: wanted.equipment,
    onlyObserves: wanted.observes,
    ...(known.device && known.scan !== undefined && wanted.ultrasound
      ? { ultrasound: { examinationId: known.scan, deviceId: known.device } } : {}),
  });
  show(state({ kind: "busy", title: say("joining") }));
  for (;;) {
    try {
      await comeIn(session, person);
      break;
    } catch (fault) {
      const { code } = explain(fault);
      if (code !== "CARE_NOT_UNDER_WAY" || !known.consultation) return refused(fault, wanted);
      const waiting = state({ kind: "waiting", title: say("waitingOpen"), text: say("waitingOpenWhy") });
      show(waiting);
      await new Promise((done) => setTimeout(done, WAITS_MS));
      if (!waiting.isConnected) return;
    }
  }
  const room = new Room(session, { ...wanted, person, switchLanguage, left: () => over("left", wanted) });
  show(room.node);
  leaveShown = () => room.close();
  session.addEventListener("ended", () => over("ended", null));
  session.addEventListener("refused", (event) => refused(event.detail, wanted, true));
  room.begin();
  Object.assign(globalThis, { room: session });
}

/** A point joins its consultation with its first seat in the room. */
async function comeIn(session, person) {
  const point = { consultationId: session.seat.consultationId, facilityId: person.facility_id };
  for (const step of ["confirmPoint", "joinPoint", null]) {
    try {
      return await session.join();
    } catch (fault) {
      if (fault.code !== "POINT_NOT_JOINED" || !step || !point.facilityId) throw fault;
      await session.api.tell(step, point).catch((other) => {
        if (!["POINT_ALREADY_CONFIRMED", "POINT_ALREADY_JOINED"].includes(other.code)) throw other;
      });
    }
  }
}

function refused(fault, wanted, inside = false) {
  const { code, text } = explain(fault);
  const again = code.startsWith("TOKEN_") ? signInAgain : begin;
  const label = code.startsWith("TOKEN_") ? say("signInAgain") : say("again");
  wanted?.stop();
  show(state({ kind: "refused", title: say(inside ? "putOut" : "refused"), text, code, action: [label, again] }));
}

function signInAgain() {
  delete known.token;
  begin();
}

function over(how, wanted) {
  wanted?.stop();
  const action = how === "left" ? [say("backIn"), begin] : null;
  show(state({ kind: "ended", title: say(how), text: how === "ended" ? say("endedWhy") : "", action }));
}

addEventListener("error", (event) => console.error(event.error));
document.body.prepend(el("a.skip", { href: "#stage", text: say("skip") }));
begin();
