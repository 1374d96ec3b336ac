// Runs the widget's own SseParser outside a browser: reads {"chunks": [[byte, …], …]} from stdin, prints what came out.
import { readFileSync } from "node:fs";
import { runInNewContext } from "node:vm";

let element;
const quiet = { addEventListener() {}, matches: false };
runInNewContext(readFileSync(process.argv[2], "utf8"), {
  HTMLElement: class {},
  CSSStyleSheet: class { replaceSync() {} },
  TextDecoder,
  matchMedia: () => quiet,
  document: { ...quiet, currentScript: null, readyState: "loading" },
  customElements: { get: () => element, define: (_, defined) => (element = defined) },
});

const events = [];
const pauses = [];
let error = null;
const parser = new element.SseParser((event) => events.push(event), (ms) => pauses.push(ms));
try {
  for (const chunk of JSON.parse(readFileSync(0, "utf8")).chunks) parser.feed(Uint8Array.from(chunk));
} catch (raised) {
  error = raised.message;
}
console.log(JSON.stringify({ events, pauses, error }));
