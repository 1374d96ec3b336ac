/* Switches: stopping a tool, an intent or all automation, at once, and starting it again. */

import { badge, field, h, moment, once, outcome } from "./console_page.js";
import { call, session } from "./console_session.js";

/** The section. */
export function showSwitches(root) {
  const name = field("Tool, intent, or all", { name: "switch", list: "switch-names", required: true, autocomplete: "off", spellcheck: "false" });
  const reason = field("Reason", { name: "reason", maxlength: 500, required: true, autocomplete: "off" });
  const names = h("datalist", { id: "switch-names" });
  const list = h("ul", { class: "entries" });
  const said = outcome();
  const off = h("button", { class: "button danger", type: "submit" }, "Switch off");

  async function fill() {
    try {
      const page = await call("/v1/switches");
      names.replaceChildren(...page.names.map((value) => h("option", { value })));
      list.replaceChildren(...page.items.map(entryOf));
      if (page.items.length === 0) list.replaceChildren(h("li", { class: "empty" }, "Everything is on, and nothing was ever switched."));
    } catch (problem) {
      said.say(problem.message, "bad");
    }
  }

  async function set(which, change, words) {
    try {
      await call(`/v1/switches/${encodeURIComponent(which)}`, { method: "PUT", body: change });
      said.say(words, "good");
      await fill();
      return true;
    } catch (problem) {
      said.say(problem.message, "bad");
      return false;
    } finally {
      said.line.focus();
    }
  }

  const submit = (event) => {
    event.preventDefault();
    const which = name.input.value.trim();
    const what = which === "all" ? "All automation is off; every action stops." : `${which} is off, for what is running too.`;
    once([off], async () => {
      if (await set(which, { off: true, reason: reason.input.value }, what)) event.target.reset();
    });
  };

  function entryOf(change) {
    const back = h("button", { class: "button", type: "button", "aria-label": `Switch ${change.name} on`, onclick: () => once([back], on) }, "Switch on");
    const on = () => set(change.name, { off: false }, `${change.name} is on again.`);
    return h(
      "li", { class: "entry", "data-switch": change.name },
      h("div", { class: "when" }, moment(change.at)),
      h("div", { class: "what" },
        h("p", {}, h("b", {}, change.name === "all" ? "all automation" : change.name), " ", badge(change.off ? "failed" : "succeeded", change.off ? "Off" : "On")),
        change.reason ? h("p", { dir: "auto" }, change.reason) : null,
        h("p", { class: "quiet" }, `by ${session.named(change.by)}`)),
      change.off ? h("div", { class: "act" }, back) : null,
    );
  }

  root.append(
    h("div", { class: "heading" }, h("h1", { tabindex: "-1" }, "Switches")),
    h("p", { class: "quiet lead" }, "What is off does not run from this moment, whoever asked for it or approved it. Customers are told that it is not possible right now."),
    h("form", { class: "filters", onsubmit: submit }, name.box, reason.box, off, names),
    said.line, list,
  );
  fill();
}
