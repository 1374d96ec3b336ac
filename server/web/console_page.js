/*
 * What every part of the console builds its page with: elements, words for values, news for a screen reader.
 *
 * Whatever comes from the server, a customer's words above all, only ever becomes text nodes.
 */

/** An element with attributes, listeners (`onclick: fn`) and children; strings become text nodes, never markup. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** `days_since_delivery` → "Days since delivery". */
export function humanise(name) {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A value of a fact as words. */
export function worded(value) {
  if (value === null || value === undefined || value === "") return "–";
  if (value === true) return "Yes";
  if (value === false) return "No";
  if (Array.isArray(value)) return value.map(worded).join(", ");
  if (typeof value === "object") return Object.entries(value).map(([name, each]) => `${humanise(name)}: ${worded(each)}`).join("; ");
  return String(value);
}

/** Names and values in two columns; entries are `[name, value]` with a string or a node as value. */
export function pairs(entries) {
  return h("dl", { class: "pairs" }, entries.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", { dir: "auto" }, value))));
}

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const SPANS = [[86_400, "d"], [3_600, "h"], [60, "min"]];

export function clock(date) {
  return CLOCK.format(date);
}

/** "3 min", "23 h 10 min": the two largest units. */
export function span(milliseconds) {
  let seconds = Math.max(0, Math.round(milliseconds / 1000));
  const parts = [];
  for (const [size, unit] of SPANS) {
    const count = Math.floor(seconds / size);
    seconds -= count * size;
    if (count > 0) parts.push(`${count} ${unit}`);
  }
  return parts.slice(0, 2).join(" ") || "less than a minute";
}

export function moment(at) {
  return h("time", { datetime: at, title: at }, MOMENT.format(new Date(at)));
}

/** A time that says how long ago it was, or how much of it is left; `refreshTimes` keeps it true. */
export function relative(at, kind) {
  const element = h("time", { datetime: at, title: MOMENT.format(new Date(at)), "data-relative": kind });
  tell(element);
  return element;
}

function tell(element) {
  const distance = new Date(element.dateTime) - Date.now();
  if (element.dataset.relative === "ago") element.textContent = `${span(-distance)} ago`;
  else {
    element.textContent = distance > 0 ? `${span(distance)} left` : "time is over";
    element.classList.toggle("soon", distance < 15 * 60_000);
  }
}

export function refreshTimes() {
  document.querySelectorAll("time[data-relative]").forEach(tell);
}

const LOOKS = {
  pending: "warn", started: "warn", unknown: "warn", edited: "good", approved: "good", succeeded: "good",
  rejected: "bad", failed: "bad", denied: "bad", expired: "quiet", superseded: "quiet", compensated: "quiet",
};

/** A state in words on a colour; the words carry the meaning. */
export function badge(state, words = humanise(state)) {
  return h("span", { class: `badge ${LOOKS[state] ?? "quiet"}`, "data-state": state }, words);
}

/** An id in full, small, that can be selected and broken anywhere. */
export function id(text) {
  return h("code", { class: "id" }, text);
}

export function link(hash, words) {
  return h("a", { href: `#${hash}` }, words);
}

/** The address of a section with a question, for `link`. */
export function address(section, query = {}) {
  return `${section}?${new URLSearchParams(query)}`;
}

let unsaid = 0;

/** Says something to whoever listens instead of looking; the same words twice are said twice. */
export function announce(words) {
  const line = h("p", {}, words);
  document.getElementById("news").append(line);
  unsaid += 1;
  if (unsaid > 20) document.getElementById("news").firstChild.remove();
  setTimeout(() => line.remove(), 8_000);
}

/** The line under a form that says what came of it. Problems interrupt a screen reader, good news waits. */
export function outcome() {
  const line = h("p", { class: "outcome", role: "alert", hidden: true, tabindex: "-1" });
  return {
    line,
    say(words, look) {
      line.className = `outcome ${look}`;
      line.hidden = false;
      line.replaceChildren(...[words].flat());
    },
    clear() {
      line.hidden = true;
      line.replaceChildren();
    },
  };
}

let fields = 0;

/** A labelled field; the label is above it. */
export function field(label, props = {}, hint = null) {
  fields += 1;
  const name = `field-${fields}`;
  const input = h(props.rows ? "textarea" : "input", { id: name, "aria-describedby": hint ? `${name}-hint` : null, ...props });
  const box = h("div", { class: "field" }, h("label", { for: name }, label), input, hint ? h("small", { id: `${name}-hint` }, hint) : null);
  return { box, input };
}

/** Runs an action once at a time: its buttons wait meanwhile. */
export async function once(buttons, action) {
  if (buttons.some((button) => button.disabled)) return;
  for (const button of buttons) button.disabled = true;
  try {
    await action();
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}
