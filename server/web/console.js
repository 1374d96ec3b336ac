/*
 * The console: sign in, the sections your roles open, and which one is shown. The address after `#` says which; it holds
 * ids, never a token.
 */

import { showActions } from "./console_actions.js";
import { showApprovals } from "./console_approvals.js";
import { showAudit } from "./console_audit.js";
import { field, h, once, outcome, refreshTimes } from "./console_page.js";
import { session } from "./console_session.js";
import { showSwitches } from "./console_switches.js";

const SECTIONS = [
  { name: "approvals", title: "Approvals", show: showApprovals, roles: ["approver", "supervisor", "admin"] },
  { name: "actions", title: "Actions", show: showActions, roles: ["approver", "supervisor", "auditor", "admin"] },
  { name: "audit", title: "Audit", show: showAudit, roles: ["auditor", "supervisor", "admin"] },
  { name: "switches", title: "Switches", show: showSwitches, roles: ["supervisor", "admin"] },
];

const main = document.getElementById("main");
const nav = document.getElementById("sections");
const who = document.getElementById("who");
let stop = () => {};

function fresh(title) {
  stop();
  stop = () => {};
  main.replaceChildren();
  document.title = `${title} · Frontdesk`;
}

function signIn(words = "") {
  fresh("Console");
  nav.hidden = who.hidden = true;
  const token = field("Staff token", { type: "password", autocomplete: "off", spellcheck: "false", required: true, name: "token" }, "It stays in this tab and is forgotten with it.");
  const said = outcome();
  const button = h("button", { class: "button main", type: "submit" }, "Sign in");
  const submit = async (event) => {
    event.preventDefault();
    await once([button], async () => {
      try {
        const given = token.input.value.trim();
        if (!/^[!-~]+$/.test(given)) return said.say("This is not a staff token.", "bad");
        await session.begin(given);
        enter({ focus: true });
      } catch (problem) {
        said.say(problem.status === 401 ? "This token is not valid." : problem.message, "bad");
        token.input.select();
        token.input.focus();
      }
    });
  };
  main.append(h(
    "section", { class: "sign-in", "aria-labelledby": "sign-in" },
    h("h1", { id: "sign-in" }, "Staff console"),
    h("p", { class: "quiet" }, "For those who decide what the assistant may do, and those who check on it."),
    h("form", { onsubmit: submit }, token.box, button, said.line),
  ));
  if (words) said.say(words, "bad");
  token.input.focus();
}

function enter({ focus }) {
  const mine = SECTIONS.filter((section) => session.may(...section.roles));
  nav.replaceChildren(...mine.map(({ name, title }) => h("a", { href: `#${name}` }, title)));
  nav.hidden = mine.length === 0;
  who.replaceChildren(
    h("span", {}, h("b", {}, session.me.name), h("small", {}, session.me.roles.join(", ").replaceAll("_", " "))),
    h("button", { class: "button", type: "button", onclick: leave }, "Sign out"),
  );
  who.hidden = false;
  show({ focus });
}

function leave() {
  session.forget();
  signIn();
}

function show({ focus }) {
  if (!session.me) return;
  const mine = SECTIONS.filter((section) => session.may(...section.roles));
  const [name, query = ""] = location.hash.slice(1).split("?");
  const section = mine.find((each) => each.name === name) ?? mine[0];
  fresh(section?.title ?? "Console");
  if (!section) {
    main.append(h("h1", { tabindex: "-1" }, "Nothing here for you yet"), h("p", { class: "quiet" }, "Your roles open no part of this console."));
  } else {
    for (const tab of nav.children) tab.toggleAttribute("aria-current", false);
    nav.querySelector(`[href="#${section.name}"]`).setAttribute("aria-current", "page");
    stop = section.show(main, Object.fromEntries(new URLSearchParams(query))) ?? stop;
  }
  if (focus) main.querySelector("h1")?.focus();
}

session.ended = signIn;
addEventListener("hashchange", () => show({ focus: true }));
setInterval(refreshTimes, 10_000);
session.begin().then((known) => (known ? enter({ focus: false }) : signIn()), (problem) => signIn(problem.status === 401 ? "" : problem.message));
