/* Audit: what happened, searched by what it is about, and whether the record of it is whole. */

import { address, field, h, humanise, moment, once, outcome, worded } from "./console_page.js";
import { call, session } from "./console_session.js";

const PAGE = 100;

/** The section; `query` is what to look for. */
export function showAudit(root, query) {
  const fields = [
    field("Customer", { name: "customer_id", value: query.customer_id ?? "", autocomplete: "off", spellcheck: "false", placeholder: "C-1001" }),
    field("Conversation", { name: "conversation_id", value: query.conversation_id ?? "", autocomplete: "off", spellcheck: "false", placeholder: "conv_…" }),
    field("Action", { name: "action", value: query.action ?? "", autocomplete: "off", spellcheck: "false", placeholder: "approval.decided", list: "audit-actions" }),
  ];
  const known = h("datalist", { id: "audit-actions" });
  const seen = new Set();
  const list = h("ol", { class: "entries" });
  const said = outcome();
  const button = h("button", { class: "button main", type: "submit" }, "Look");
  const more = h("button", { class: "button", type: "button", hidden: true }, "Show more");
  const verdict = outcome();
  const verify = h("button", { class: "button", type: "button", onclick: () => once([verify], check) }, "Verify the chain");
  const asked = Object.fromEntries(fields.map(({ input }) => [input.name, input.value]).filter(([, value]) => value));

  const look = (event) => {
    event.preventDefault();
    const wanted = Object.fromEntries(fields.map(({ input }) => [input.name, input.value.trim()]).filter(([, value]) => value));
    if (`#${address("audit", wanted)}` === location.hash) fill(null, { clear: true });
    else location.hash = address("audit", wanted);
  };

  async function check() {
    verdict.say("Reading the whole chain…", "quiet");
    try {
      const { valid, entries, heads, broken_at: at, why } = await call("/v1/audit/verify");
      if (valid) verdict.say(`The chain is whole: ${entries} entries, compared with ${heads} signed heads.`, "good");
      else verdict.say(`The chain is broken at entry ${at}. ${why ?? ""}`, "bad");
    } catch (problem) {
      verdict.say(problem.message, "bad");
    }
  }

  async function fill(cursor, { clear = false } = {}) {
    await once([button, more], async () => {
      try {
        const page = await call("/v1/audit", { query: { ...asked, limit: PAGE, cursor } });
        if (clear) list.replaceChildren();
        list.append(...page.items.map(entryOf));
        for (const { action } of page.items) seen.add(action);
        known.replaceChildren(...[...seen].sort().map((action) => h("option", { value: action })));
        said.clear();
        more.hidden = page.next === null;
        more.onclick = () => fill(page.next);
        if (list.children.length === 0) said.say("The audit log has nothing about this.", "quiet");
      } catch (problem) {
        said.say(problem.message, "bad");
      }
    });
  }

  root.append(
    h("div", { class: "heading" }, h("h1", { tabindex: "-1" }, "Audit"), verify),
    verdict.line,
    h("p", { class: "quiet lead" }, "Everything that mattered, the newest first. Reading about a customer is an entry itself."),
    h("form", { class: "filters", role: "search", onsubmit: look }, fields.map(({ box }) => box), button, known),
    said.line, list, more,
  );
  fill(null);
}

function entryOf(entry) {
  const detail = Object.entries(entry.detail).filter(([, value]) => value !== null && value?.length !== 0).map(([name, value]) => [humanise(name), session.named(worded(value))]);
  const about = [
    entry.customer_id && h("a", { href: `#${address("audit", { customer_id: entry.customer_id })}` }, entry.customer_id),
    entry.conversation_id && h("a", { href: `#${address("audit", { conversation_id: entry.conversation_id })}` }, entry.conversation_id),
  ].filter(Boolean);
  return h(
    "li", { class: "entry" },
    h("div", { class: "when" }, moment(entry.at), h("span", { class: "quiet" }, entry.number === null ? "not sealed yet" : `No. ${entry.number}`)),
    h("div", { class: "what" },
      h("p", {}, h("b", {}, entry.action), h("span", { class: "quiet" }, ` by ${session.named(entry.actor)}`)),
      detail.length > 0 ? h("p", { class: "detail", dir: "auto" }, detail.map(([name, value]) => h("span", {}, h("i", {}, name), ` ${value}`))) : null,
      about.length > 0 ? h("p", { class: "quiet" }, about.flatMap((each, at) => (at > 0 ? [" · ", each] : [each]))) : null),
  );
}
