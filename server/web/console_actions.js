/* Actions: the ledger of what was done for a customer or in a conversation, and the request to take one of them back. */

import { address, badge, field, h, humanise, id, link, moment, once, outcome } from "./console_page.js";
import { call, session } from "./console_session.js";

const PAGE = 50;

/** The section; `query` is what to look for. */
export function showActions(root, query) {
  const customer = field("Customer", { name: "customer_id", value: query.customer_id ?? "", autocomplete: "off", spellcheck: "false", placeholder: "C-1001" });
  const conversation = field("Conversation", { name: "conversation_id", value: query.conversation_id ?? "", autocomplete: "off", spellcheck: "false", placeholder: "conv_…" });
  const lookups = h("input", { type: "checkbox", onchange: () => { list.classList.toggle("writes-only", !lookups.checked); tell(); } });
  const list = h("ol", { class: "entries writes-only" });
  const said = outcome();
  const button = h("button", { class: "button main", type: "submit" }, "Look");
  const more = h("button", { class: "button", type: "button", hidden: true }, "Show more");
  const asked = Object.fromEntries(["customer_id", "conversation_id"].filter((name) => query[name]).map((name) => [name, query[name]]));

  const look = (event) => {
    event.preventDefault();
    const wanted = Object.fromEntries([customer, conversation].map(({ input }) => [input.name, input.value.trim()]).filter(([, value]) => value));
    if (`#${address("actions", wanted)}` === location.hash) fill(null, { clear: true });
    else location.hash = address("actions", wanted);
  };

  /** An empty list says why it is empty. */
  function tell() {
    const count = list.children.length;
    if (count === 0) said.say("The ledger has nothing about this.", "quiet");
    else if (!lookups.checked && !list.querySelector(":scope > :not([data-risk=read])")) said.say(`Nothing was changed: these ${count} actions are lookups.`, "quiet");
    else said.clear();
  }

  async function fill(cursor, { clear = false } = {}) {
    await once([button, more], async () => {
      try {
        const page = await call("/v1/actions", { query: { ...asked, order: "newest", limit: PAGE, cursor } });
        if (clear) list.replaceChildren();
        list.append(...page.items.map(entryOf));
        more.hidden = page.next === null;
        more.onclick = () => fill(page.next);
        tell();
      } catch (problem) {
        said.say(problem.message, "bad");
      }
    });
  }

  root.append(
    h("div", { class: "heading" }, h("h1", { tabindex: "-1" }, "Actions")),
    h("p", { class: "quiet lead" }, "Every call of a tool, the newest first. Looking for a customer or a conversation is in the audit log."),
    h("form", { class: "filters", role: "search", onsubmit: look }, customer.box, conversation.box, button,
      h("label", { class: "check" }, lookups, "Lookups too")),
    said.line, list, more,
  );
  fill(null);
}

function entryOf(action) {
  const said = outcome();
  const place = h("div", { class: "inline" });
  const args = Object.entries(action.args).map(([name, value]) => `${humanise(name)} ${value}`).join(" · ");
  const undoable = action.risk !== "read" && action.outcome === "succeeded" && session.may("supervisor", "admin");
  const back = undoable ? h("button", { class: "button", type: "button", onclick: () => confirm() }, "Take back") : null;

  function confirm() {
    const yes = h("button", { class: "button main", type: "button", onclick: () => once([yes], takeBack) }, "Ask for it to be taken back");
    const no = h("button", { class: "button", type: "button", onclick: () => { place.replaceChildren(); back.focus(); } }, "Cancel");
    place.replaceChildren(h("p", {}, "Somebody else has to approve that before anything happens."), h("div", { class: "row" }, yes, no));
    yes.focus();
  }

  async function takeBack() {
    try {
      const approval = await call(`/v1/actions/${action.id}/compensate`, { method: "POST", body: {} });
      place.replaceChildren();
      said.say(["This waits for somebody else now: ", link(address("approvals", { id: approval.id }), approval.action_requests[0].description)], "good");
    } catch (problem) {
      place.replaceChildren();
      said.say(problem.message, "bad");
    }
    said.line.focus();
  }

  return h(
    "li", { class: "entry", "data-risk": action.risk, id: action.id },
    h("div", { class: "when" }, moment(action.at)),
    h("div", { class: "what" },
      h("p", {}, h("b", {}, humanise(action.tool)), " ", badge(action.outcome)),
      h("p", { dir: "auto" }, args),
      h("p", { class: "quiet" }, [
        action.decision && humanise(action.decision), action.detail && humanise(action.detail),
        action.ms !== null && `${action.ms.toFixed(0)} ms`,
      ].filter(Boolean).join(" · ")),
      h("p", { class: "quiet" },
        action.customer_id ? [link(address("actions", { customer_id: action.customer_id }), action.customer_id), " · "] : null,
        link(address("actions", { conversation_id: action.conversation_id }), action.conversation_id),
        action.approval_id ? [" · ", link(address("approvals", { id: action.approval_id }), "Approval")] : null),
      place, said.line),
    back ? h("div", { class: "act" }, back) : id(action.id),
  );
}
