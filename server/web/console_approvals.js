/*
 * Approvals: what waits for a person, and the decision.
 *
 * A decision carries the hash of the arguments that were on the card, so nobody agrees to anything they did not see. A card
 * stays where it is when it was decided, by whomever, so that nothing moves under a pointer.
 */

import { address, announce, badge, clock, field, h, humanise, id, link, moment, once, outcome, pairs, relative, worded } from "./console_page.js";
import { call, session } from "./console_session.js";

const EVERY = 3_000; // milliseconds between two looks
const PAGE = 50;
const STATES = [
  ["pending", "Waiting"], ["approved", "Approved"], ["edited", "Edited"],
  ["rejected", "Rejected"], ["expired", "Expired"], ["superseded", "Taken back"],
];
const STATE_WORDS = Object.fromEntries(STATES);
const SIGNALS = {
  actions_30_days: ["Same action, last 30 days", (value) => `${value} times`, () => false],
  contact_changed_days: ["Contact changed", (value) => (value === null ? "Not lately" : `${value} days ago`), (value) => value !== null],
  country_mismatch: ["Country mismatch", worded, (value) => value === true],
};

/** The section; `query.id` puts one request in the foreground. Returns what stops it. */
export function showApprovals(root, query) {
  const cards = new Map();
  const list = h("div", { class: "cards" });
  const more = h("button", { class: "button", type: "button", hidden: true, onclick: () => once([more], () => fill(next)) }, "Show more");
  const updated = h("p", { class: "updated" }, "Loading…");
  const tabs = STATES.map(([state, words]) =>
    h("button", { type: "button", "data-state": state, "aria-pressed": String(state === "pending"), onclick: () => choose(state) }, words));
  const empty = h("p", { class: "empty", hidden: true });
  let shown = "pending";
  let next = null;
  let wanted = query.id ?? null;
  let first = true;
  let timer = 0;
  let round = 0; // answers to a question that was replaced by another one are thrown away

  root.append(
    h("div", { class: "heading" }, h("h1", { tabindex: "-1" }, "Approvals"), updated),
    h("div", { class: "tabs", role: "group", "aria-label": "State" }, tabs), empty, list, more,
  );

  function choose(state) {
    shown = state;
    first = true;
    for (const tab of tabs) tab.setAttribute("aria-pressed", String(tab.dataset.state === state));
    cards.clear();
    list.replaceChildren();
    empty.hidden = true;
    look();
  }

  async function look() {
    clearTimeout(timer);
    const mine = (round += 1);
    try {
      if (wanted) await foreground();
      if (shown === "pending" || first) await fill(null);
      updated.textContent = `Updated ${clock(new Date())}`;
      updated.classList.remove("bad");
    } catch (problem) {
      if (!session.me) return;
      updated.textContent = problem.message;
      updated.classList.add("bad");
    }
    if (mine === round) timer = setTimeout(look, EVERY);
  }

  /** Shows the request that an address names, whatever its state. */
  async function foreground() {
    const named = wanted;
    wanted = null;
    const card = put(await call(`/v1/approvals/${encodeURIComponent(named)}`));
    list.prepend(card.element);
    card.element.focus();
  }

  async function fill(cursor) {
    const mine = round;
    const state = shown;
    const waiting = state === "pending";
    const page = await call("/v1/approvals", { query: { status: state, limit: waiting ? 200 : PAGE, order: waiting ? "oldest" : "newest", cursor } });
    if (mine !== round || state !== shown) return;
    for (const approval of page.items) {
      const fresh = !cards.has(approval.id);
      put(approval);
      if (fresh && waiting && !first) announce(`A new request: ${approval.action_requests[0].description}`);
    }
    next = page.next;
    more.hidden = waiting || next === null;
    if (waiting) {
      await settle(new Set(page.items.map((approval) => approval.id)));
      document.title = `${page.items.length > 0 ? `(${page.items.length}) ` : ""}Approvals · Frontdesk`;
    }
    empty.hidden = cards.size > 0;
    empty.textContent = waiting ? "Nothing waits for a decision." : "There are no such requests.";
    first = false;
  }

  /** What no longer waits was decided by somebody: the card says by whom. */
  async function settle(waiting) {
    for (const card of cards.values()) {
      if (card.approval.status !== "pending" || waiting.has(card.approval.id)) continue;
      const approval = await call(`/v1/approvals/${card.approval.id}`);
      if (approval.status === "pending") continue;
      card.update(approval);
      announce(`${approval.action_requests[0].description}: ${decided(approval)}`);
    }
  }

  function put(approval) {
    let card = cards.get(approval.id);
    if (!card) {
      card = cardOf(approval);
      cards.set(approval.id, card);
      list.append(card.element);
    } else card.update(approval);
    return card;
  }

  const awake = () => document.visibilityState === "visible" && look();
  document.addEventListener("visibilitychange", awake);
  look();
  return () => {
    round += 1;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", awake);
  };
}

/** "Approved by Demo approver 1, 24 Nov 2026, 15:04" */
function decided(approval) {
  const words = STATE_WORDS[approval.status];
  return approval.decided_by ? `${words} by ${who(approval.decided_by)}` : words;
}

function who(actor) {
  return { system: "the system", customer: "the customer", assistant: "the assistant" }[actor] ?? session.named(actor);
}

/** One request: `element`, the `approval` it shows, `update(approval)`. */
function cardOf(approval) {
  const heading = `title-${approval.id}`;
  const state = h("div", { class: "state" });
  const said = outcome();
  const decision = h("div", { class: "decision" });
  const request = approval.action_requests[0];
  const [title] = request.description.split(": ");
  const card = {
    approval,
    element: h(
      "article", { class: "card", id: approval.id, "aria-labelledby": heading, tabindex: "-1" },
      h("header", {}, h("div", {}, state, h("h2", { id: heading, dir: "auto" }, title)), amountOf(request)),
      h("p", { class: "why", dir: "auto" }, approval.why),
      h("div", { class: "columns" }, about(approval), signsOf(approval), wordsOf(approval)),
      decision, said.line,
    ),
    update(changed) {
      // An answer that was asked for before a decision arrives after it: what was decided never waits again.
      if (changed.status === card.approval.status || changed.status === "pending") return;
      const held = decision.contains(document.activeElement);
      card.approval = changed;
      paint();
      if (held) card.element.focus();
    },
  };

  function paint() {
    const { status } = card.approval;
    card.element.dataset.status = status;
    state.replaceChildren(badge(status, STATE_WORDS[status]), ...stateOf(card.approval));
    decision.replaceChildren(...(status === "pending" ? [controls(card, said)] : [resultOf(card.approval)]));
  }

  paint();
  return card;
}

function stateOf(approval) {
  if (approval.status !== "pending") return [];
  const people = approval.people > 1 ? [h("span", {}, `${approval.people} people have to agree`)] : [];
  return [h("span", {}, "Asked ", relative(approval.requested_at, "ago")), relative(approval.expires_at, "left"), ...people];
}

function amountOf({ args, description }) {
  if (!args.amount) return null;
  return h("p", { class: "amount" }, inCurrency(args.amount, description));
}

/** Arguments are bare numbers; the description names their currency. */
function inCurrency(amount, description) {
  const found = description.split(/[\s,]+/);
  const currency = found[found.indexOf(amount) + 1] ?? "";
  return /^[A-Z]{3}$/.test(currency) ? `${amount} ${currency}` : amount;
}

function about(approval) {
  const { name, args, description } = approval.action_requests[0];
  const facts = Object.entries(approval.facts);
  return h(
    "div", { class: "column" },
    h("h3", {}, "What would run"),
    pairs([["Tool", id(name)], ...Object.entries(args).map(([key, value]) => [humanise(key), inCurrency(value, description)])]),
    facts.length > 0 ? [h("h3", {}, "What our systems say"), pairs(facts.map(([key, value]) => [humanise(key), worded(value)]))] : null,
  );
}

function signsOf(approval) {
  const { customer_id: customer, name, segment } = approval.customer;
  const signals = Object.entries(approval.signals).map(([key, value]) => {
    const [label, words, isRaised] = SIGNALS[key] ?? [humanise(key), worded, () => false];
    return [label, isRaised(value) ? h("strong", { class: "raised" }, words(value)) : words(value)];
  });
  return h(
    "div", { class: "column" },
    h("h3", {}, "Customer"),
    pairs([["Name", name ?? "–"], ["Id", link(address("actions", { customer_id: customer }), customer)], ...(segment ? [["Segment", humanise(segment)]] : [])]),
    h("h3", {}, "Signs of fraud"),
    signals.length > 0 ? pairs(signals) : h("p", { class: "quiet" }, "None were looked at."),
  );
}

function wordsOf(approval) {
  const lines = approval.words.map((line) => {
    const [, author = "", text = line] = /^(customer|assistant): ([\s\S]*)$/.exec(line) ?? [];
    return h("li", { class: author }, author ? h("span", { class: "author" }, humanise(author)) : null, h("q", { dir: "auto" }, text));
  });
  return h(
    "div", { class: "column words" },
    h("h3", {}, "Last words of the conversation"),
    lines.length > 0 ? newestFirstSeen(h("ol", { tabindex: "0", "aria-label": "Last words of the conversation" }, lines)) : h("p", { class: "quiet" }, "Nobody in a conversation asked for this."),
    h("p", { class: "quiet" }, link(address("actions", { conversation_id: approval.conversation_id }), "All actions of this conversation")),
  );
}

/** A list that is scrolled to its end as soon as it is on the page. */
function newestFirstSeen(list) {
  requestAnimationFrame(() => { list.scrollTop = list.scrollHeight; });
  return list;
}

// ---------------------------------------------------------------------------------------------- deciding

function controls(card, said) {
  const { approval } = card;
  if (!session.may(...approval.roles)) {
    return h("p", { class: "quiet" }, `Who decides needs one of these roles: ${approval.roles.map((role) => role.replaceAll("_", " ")).join(", ")}.`);
  }
  const allowed = approval.review_configs[0].allowed_decisions;
  const place = h("div", { class: "inline" });
  const offers = [
    ["approve", "Approve", () => send("approve")], ["edit", "Edit", () => open(editForm)],
    ["reject", "Reject", () => open(rejectForm)], ["respond", "Ask", () => open(askForm)],
  ].filter(([type]) => allowed.includes(type));
  const buttons = offers.map(([type, words, act]) =>
    h("button", { class: `button ${type === "approve" ? "main" : ""}`, type: "button", "data-decision": type, onclick: act }, words));

  function open(form) {
    said.clear();
    const { box, focus } = form(approval, { send, close });
    place.replaceChildren(box);
    focus.focus();
    focus.select?.();
  }

  function close() {
    const opener = place.querySelector("form")?.dataset.decision;
    place.replaceChildren();
    buttons.find((button) => button.dataset.decision === opener)?.focus();
  }

  async function send(type, more = {}) {
    await once([...buttons, ...place.querySelectorAll("button")], async () => {
      try {
        const body = { type, args_hash: approval.args_hash, ...more };
        const after = await call(`/v1/approvals/${approval.id}/decision`, { method: "POST", body });
        place.replaceChildren();
        card.update(after);
        said.say(...recorded(type, after));
        if (["approved", "edited"].includes(after.status)) follow(after, said);
      } catch (problem) {
        if (problem.status === 401) return;
        said.say(problem.message, "bad");
        if ([403, 404, 409, 410].includes(problem.status)) {
          place.replaceChildren();
          card.update(await call(`/v1/approvals/${approval.id}`).catch(() => approval));
        }
      }
      said.line.focus();
    });
  }

  return h("div", {}, h("div", { class: "row", role: "group", "aria-label": "Decision" }, buttons), place);
}

function recorded(type, after) {
  if (type === "respond") return ["Your question is on its way to the customer. The request goes on waiting.", "good"];
  if (after.status === "pending") return ["Your agreement is recorded. A second person has to agree to the same.", "good"];
  if (type === "reject") return ["Rejected. The customer is told, with your reason.", "good"];
  return ["Approved. It runs now…", "good"];
}

/** What came of it in the ledger. */
async function follow(approval, said) {
  for (const pause of [400, 800, 1_500, 3_000, 6_000]) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    const found = await call("/v1/actions", { query: { conversation_id: approval.conversation_id, order: "newest", limit: 50 } }).catch(() => null);
    const action = found?.items.find((each) => each.approval_id === approval.id && each.outcome !== "started");
    if (!action) continue;
    const words = {
      succeeded: "Approved, and done.", failed: "Approved, but it failed; nothing was changed.",
      unknown: "Approved, but the outcome is not known. It is looked into and not repeated.",
      denied: "Approved, but not done: things changed in between.",
    }[action.outcome] ?? "Approved.";
    said.say([words, " ", link(address("actions", { conversation_id: approval.conversation_id }), "See the ledger")], action.outcome === "succeeded" ? "good" : "bad");
    return;
  }
  said.say("Approved. It has not run yet; the ledger will show it.", "good");
}

function resultOf(approval) {
  const rows = [["Outcome", decided(approval)]];
  if (approval.decided_at) rows.push(["When", moment(approval.decided_at)]);
  if (approval.status === "edited") {
    const { args, description } = approval.action_requests[0];
    for (const [name, value] of Object.entries(approval.final_args ?? {}))
      if (value !== args[name]) rows.push([humanise(name), `${inCurrency(args[name], description)} became ${value}`]);
  }
  if (approval.reason) rows.push(["Reason", approval.reason]);
  return pairs(rows);
}

function inlineForm(decision, { fields, submit, words, close }) {
  return h(
    "form", { "data-decision": decision, onsubmit: (event) => { event.preventDefault(); submit(); }, onkeydown: (event) => event.key === "Escape" && close() },
    fields.map(({ box }) => box),
    h("div", { class: "row" }, h("button", { class: "button main", type: "submit" }, words), h("button", { class: "button", type: "button", onclick: close }, "Cancel")),
  );
}

function editForm(approval, { send, close }) {
  const { args } = approval.action_requests[0];
  const schema = approval.review_configs[0].args_schema.properties ?? {};
  const fields = Object.keys(schema).map((name) => {
    const made = field(humanise(name), { inputmode: "decimal", value: args[name], required: true, name, autocomplete: "off" }, `At most ${args[name]}, like 12.50`);
    made.input.addEventListener("input", () => made.input.setCustomValidity(""));
    return made;
  });
  const submit = () => {
    const wrong = fields.find(({ input }) => !isWithin(input.value.trim(), schema[input.name].pattern, args[input.name]));
    if (wrong) {
      wrong.input.setCustomValidity(`An amount like 12.50, at most ${args[wrong.input.name]}.`);
      return wrong.input.reportValidity();
    }
    const changed = fields.filter(({ input }) => input.value.trim() !== args[input.name]);
    return send(changed.length > 0 ? "edit" : "approve", changed.length > 0 ? { args: Object.fromEntries(changed.map(({ input }) => [input.name, input.value.trim()])) } : {});
  };
  return { box: inlineForm("edit", { fields, submit, words: "Approve with this", close }), focus: fields[0].input };
}

function isWithin(value, pattern, most) {
  return new RegExp(pattern ?? "^\\d{1,7}\\.\\d{2}$").test(value) && Number(value) <= Number(most);
}

function rejectForm(_approval, { send, close }) {
  const reason = field("Reason", { rows: 2, maxlength: 500, required: true }, "The customer reads it.");
  const submit = () => send("reject", { reason: reason.input.value });
  return { box: inlineForm("reject", { fields: [reason], submit, words: "Reject", close }), focus: reason.input };
}

function askForm(_approval, { send, close }) {
  const question = field("Question", { rows: 2, maxlength: 500, required: true }, "The customer reads it; the request goes on waiting.");
  const submit = () => send("respond", { reason: question.input.value });
  return { box: inlineForm("respond", { fields: [question], submit, words: "Send question", close }), focus: question.input };
}
