// Who is it, and which room? For whoever comes without a link from the own facility's system.

import { el } from "./dom.js";
import { say } from "./words.js";

/** @param {any} known @param {(given: any) => void} done @param {() => void} switched */
export function signIn(known, done, switched) {
  const token = el("input", { type: "password", id: "token", autocomplete: "off", required: true });
  const room = el("input", { type: "text", id: "room", autocomplete: "off", required: true, pattern: "[0-9a-fA-F\\-]{36}",
    value: known.consultation ?? "" });
  const form = el("form.card.narrow", {
    onsubmit: (event) => {
      event.preventDefault();
      done({ token: token.value.trim(), consultation: room.value.trim() });
    },
  },
    el("h1", { text: say("signIn") }),
    el("p", { text: say("signInWhy") }),
    el("label", { for: "token", text: say("token") }), token,
    el("label", { for: "room", text: say("consultationId") }), room,
    el("div.row", {},
      el("button.primary", { type: "submit", text: say("go") }),
      el("button.quiet", { type: "button", onclick: switched, text: say("language") })));
  return el("main.state", { "data-state": "sign-in" }, form);
}
