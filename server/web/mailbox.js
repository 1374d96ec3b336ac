// Keeps the demo's mailbox up to date: fetches the page again and takes its letters over when there is a new one.
const PAUSE_MS = 2000;

const letters = () => document.getElementById("letters");
const newest = (place) => place.firstElementChild?.id ?? "";

async function look() {
  try {
    const answer = await fetch("/demo/mailbox", { headers: { Accept: "text/html" } });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("letters");
    if (answer.ok && fresh && newest(fresh) !== newest(letters())) {
      letters().replaceWith(document.adoptNode(fresh));
    }
  } catch {
    // The server is away for a moment; the next look finds it.
  }
  setTimeout(look, PAUSE_MS);
}

setTimeout(look, PAUSE_MS);
