// A whole page that says how things stand: waiting, refused, ended.

import { el } from "./dom.js";

/**
 * @param {{kind: "busy" | "waiting" | "refused" | "ended", title: string, text?: string, code?: string,
 *   action?: [string, () => void] | null}} what
 */
export function state({ kind, title, text = "", code = "", action = null }) {
  return el("main.state", { "data-state": kind, role: kind === "refused" ? "alert" : "status" },
    el("div.card.narrow", {},
      kind === "busy" || kind === "waiting" ? el("div.spinner", { "aria-hidden": "true" }) : null,
      el("h1", { text: title }),
      text ? el("p", { text }) : null,
      code ? el("p.code", { text: code }) : null,
      action ? el("button.primary", { onclick: action[1], text: action[0], type: "button" }) : null));
}
