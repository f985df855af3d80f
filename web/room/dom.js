// Elements, as short as they can be written, and the icons.

/**
 * An element. Attributes whose names begin with "on" are listeners; `text` is its text; null and false are left out.
 * @param {string} name "tag.class.class" @param {Record<string, any>} [attributes] @param {...(Node | string | null | false)} children
 */
export function el(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const made = document.createElement(tag);
  if (classes.length) made.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "text") made.textContent = value;
    else if (key in made && typeof value !== "string") made[key] = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== false));
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

/** @param {string} tag @param {Record<string, any>} attributes */
export function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const PATHS = {
  microphone: "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3ZM5 11a7 7 0 0 0 14 0M12 18v3M9 21h6",
  microphoneOff: "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3ZM5 11a7 7 0 0 0 14 0M12 18v3M9 21h6M3 3l18 18",
  camera: "M4 7h10a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V8a1 1 0 0 1 1-1ZM15 11l6-3v8l-6-3",
  cameraOff: "M4 7h10a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V8a1 1 0 0 1 1-1ZM15 11l6-3v8l-6-3M3 3l18 18",
  ultrasound: "M10 3h4v6l2 3H8l2-3ZM6 15c4 3 8 3 12 0M4 18c5 4 11 4 16 0",
  screen: "M4 5h16v11H4ZM9 20h6M12 16v4",
  hand: "M8 12V6a1.5 1.5 0 0 1 3 0v5V4.500a1.500 1.500 0 0 1 3 0V11V6a1.500 1.500 0 0 1 3 0v8a7 7 0 0 1-7 7c-3 0-4.500-1.500-6-4l-2-3.500c1-1 2.500-.500 4 1.500Z",
  chat: "M4 5h16v11H10l-5 4v-4H4Z",
  people: "M9 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM3 20a6 6 0 0 1 12 0M16 5a3 3 0 0 1 0 6M17 14a6 6 0 0 1 4 6",
  record: "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16ZM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6Z",
  leave: "M14 4h5v16h-5M10 8l-4 4 4 4M6 12h9",
  close: "M6 6l12 12M18 6L6 18",
  freeze: "M8 5v14M16 5v14",
  release: "M7 5l12 7-12 7Z",
  pointer: "M5 4l14 8-6 1.500L10 20Z",
  freehand: "M4 18c3-8 5 2 8-5s4-6 8-7",
  arrow: "M5 19L19 5M11 5h8v8",
  ellipse: "M12 18c5 0 9-2.700 9-6s-4-6-9-6-9 2.700-9 6 4 6 9 6Z",
  clear: "M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13",
  still: "M4 8h3l2-3h6l2 3h3v11H4ZM12 16a3 3 0 1 0 0-6 3 3 0 0 0 0 6Z",
  fill: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  follow: "M4 12a8 8 0 0 1 14-5l2 2M20 4v5h-5M20 12a8 8 0 0 1-14 5l-2-2M4 20v-5h5",
  sound: "M4 9h4l5-4v14l-5-4H4ZM16 9a4 4 0 0 1 0 6M18 6a8 8 0 0 1 0 12",
};

/** @param {keyof typeof PATHS} name */
export function icon(name) {
  return svg("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true", focusable: "false" },
    svg("path", { d: PATHS[name] ?? "" }));
}

/** Replaces the children only when they differ in their key, so that focus and video elements stay. */
export function fill(parent, key, make) {
  if (parent.dataset.key === key) return false;
  parent.dataset.key = key;
  parent.replaceChildren(...make());
  return true;
}
