/*
 * <frontdesk-chat>: the customer's chat, embeddable with one line and nothing else.
 *
 *   <script src="https://desk.example/widget.js" defer></script>
 *
 * It owns what the customer sees of a conversation; the server owns the conversation. Everything shown can be rebuilt from
 * the transcript and the event log, so a reload, a dropped line or a second tab shows the same thing. Text from the server
 * or the customer only ever becomes text nodes. See docs/widget.md.
 */
(() => {
  "use strict";
  if (customElements.get("frontdesk-chat")) return;

  const script = document.currentScript;
  const MAX_BYTES = 8000; // the server's own limit on a message; refusing here saves a round trip
  const MAX_FRAME = 1 << 20; // characters of one unfinished event before the stream is given up as broken
  const TIMINGS = {
    silence: 45_000, // three missed heartbeats: the contract promises one every 15 s
    retryBase: 500,
    retryMax: 15_000,
    sendTries: 5,
    sendTimeout: 20_000,
    announceFor: 8_000,
  };

  // ---------------------------------------------------------------------------------------------- words

  const WORDS = {
    en: {
      heading: "Chat with us", assistant: "Automated assistant", launcher: "Open chat", close: "Close chat",
      unread: (n) => `Open chat, ${n} new ${n === 1 ? "message" : "messages"}`,
      log: "Conversation", news: "New messages", you: "You said:", bot: "Assistant said:", agentSaid: (name) => `${name} said:`,
      input: "Your message", placeholder: "Write a message…", send: "Send message", newest: "Newest messages",
      over: (n, max) => `${n} of ${max} bytes. Please shorten your message.`, left: (n, max) => `${n} of ${max} bytes`,
      sending: "Sending…", notSent: "Not sent.", retry: "Retry", queued: "Waiting to be sent", slow: (s) => `Sending again in ${s} s`,
      refused: "This message could not be accepted.", reconnecting: "Reconnecting…", offline: "You are offline. Messages are kept and sent later.",
      afresh: "Your earlier conversation has ended, so this is a new one. Please tell us again how we can help.",
      failed: "Something went wrong on our side. Your message is safe; you can try again.", again: "Try again",
      basedOn: "Based on:", more: (n) => `and ${n} more`, version: "Version", options: "Suggested replies",
      code: "Verification code", codeSent: (to) => `We sent a six-digit code to ${to}.`, codePlain: "We sent you a six-digit code.",
      confirm: "Confirm", resend: "Send a new code", resent: "A new code is on its way.", verified: "Thank you, you are verified.",
      codeWrong: "That code did not match.", codeOver: "That code has expired. Please ask for a new one.",
      pending: "Waiting for a colleague to approve", decided: { approve: "Approved", approved: "Approved", edit: "Approved with changes", edited: "Approved with changes", reject: "Not approved", rejected: "Not approved", expired: "Not decided in time" },
      handoff: "A person will take over", ticket: "Reference", place: (n) => `Place in the queue: ${n}`,
      wait: (time) => `Expected wait: about ${time}`, offered: "How would you like to go on?", chat: "Chat with a person now", email: "Get an e-mail",
      joined: (name) => `${name} has joined the chat.`, left_: (name) => `${name} has left the chat.`, agent: "Our colleague",
      good: "This helped", bad: "This did not help", thanks: "Thank you.",
      done: "Done", notDone: "This could not be completed.",
      steps: {
        classify: "Reading your message", refusal_check: "Reading your message", authenticate: "Checking your details",
        retrieve: "Checking our articles", plan: "Working out the next step", tool_call: "Looking up your order",
        validate: "Checking the answer", respond: "Writing", escalate: "Finding the right person",
      },
    },
    fr: {
      heading: "Discuter avec nous", assistant: "Assistant automatique", launcher: "Ouvrir la discussion", close: "Fermer la discussion",
      unread: (n) => `Ouvrir la discussion, ${n} ${n === 1 ? "nouveau message" : "nouveaux messages"}`,
      log: "Conversation", news: "Nouveaux messages", you: "Vous :", bot: "Assistant :", agentSaid: (name) => `${name} :`,
      input: "Votre message", placeholder: "Écrivez un message…", send: "Envoyer le message", newest: "Derniers messages",
      over: (n, max) => `${n} octets sur ${max}. Veuillez raccourcir votre message.`, left: (n, max) => `${n} octets sur ${max}`,
      sending: "Envoi…", notSent: "Non envoyé.", retry: "Réessayer", queued: "En attente d’envoi", slow: (s) => `Nouvel envoi dans ${s} s`,
      refused: "Ce message n’a pas pu être accepté.", reconnecting: "Reconnexion…", offline: "Vous êtes hors ligne. Vos messages partiront plus tard.",
      afresh: "Votre conversation précédente est terminée ; en voici une nouvelle. Dites-nous comment vous aider.",
      failed: "Un problème est survenu de notre côté. Votre message est conservé ; vous pouvez réessayer.", again: "Réessayer",
      basedOn: "D’après :", more: (n) => `et ${n} de plus`, version: "Version", options: "Réponses suggérées",
      code: "Code de vérification", codeSent: (to) => `Un code à six chiffres a été envoyé à ${to}.`, codePlain: "Un code à six chiffres vous a été envoyé.",
      confirm: "Confirmer", resend: "Renvoyer un code", resent: "Un nouveau code est en route.", verified: "Merci, votre identité est vérifiée.",
      codeWrong: "Ce code ne correspond pas.", codeOver: "Ce code a expiré. Demandez-en un nouveau.",
      pending: "En attente de l’accord d’un collègue", decided: { approve: "Accepté", approved: "Accepté", edit: "Accepté avec modifications", edited: "Accepté avec modifications", reject: "Refusé", rejected: "Refusé", expired: "Pas de décision à temps" },
      handoff: "Une personne prend le relais", ticket: "Référence", place: (n) => `Place dans la file : ${n}`,
      wait: (time) => `Attente prévue : environ ${time}`, offered: "Comment souhaitez-vous continuer ?", chat: "Parler à une personne", email: "Recevoir un e-mail",
      joined: (name) => `${name} a rejoint la discussion.`, left_: (name) => `${name} a quitté la discussion.`, agent: "Notre collègue",
      good: "Utile", bad: "Pas utile", thanks: "Merci.",
      done: "C’est fait", notDone: "L’opération n’a pas abouti.",
      steps: {
        classify: "Lecture de votre message", refusal_check: "Lecture de votre message", authenticate: "Vérification de vos informations",
        retrieve: "Consultation de nos articles", plan: "Préparation de la suite", tool_call: "Recherche de votre commande",
        validate: "Vérification de la réponse", respond: "Rédaction", escalate: "Recherche de la bonne personne",
      },
    },
  };

  // ---------------------------------------------------------------------------------------------- SSE

  /** Turns bytes into events as the HTML standard's event-stream grammar says, whatever way the bytes were cut. */
  class SseParser {
    #decoder = new TextDecoder("utf-8"); // keeps half a character until its other half arrives; drops a leading BOM
    #line = "";
    #skipLineFeed = false;
    #data = [];
    #size = 0;
    #type = "";
    #id = "";
    #emit;
    #retry;

    /** `emit({id, type, data})` for each event; `retry(ms)` when the server asks for another pause. */
    constructor(emit, retry = () => {}) {
      this.#emit = emit;
      this.#retry = retry;
    }

    feed(bytes) {
      const text = this.#decoder.decode(bytes, { stream: true });
      let start = 0;
      for (let at = 0; at < text.length; at += 1) {
        const char = text[at];
        if (this.#skipLineFeed) {
          this.#skipLineFeed = false;
          if (char === "\n") {
            start = at + 1;
            continue;
          }
        }
        if (char !== "\n" && char !== "\r") continue;
        const line = this.#line + text.slice(start, at);
        this.#line = "";
        this.#skipLineFeed = char === "\r"; // CR LF is one end of line even when cut between two chunks
        start = at + 1;
        this.#take(line);
      }
      this.#line += text.slice(start);
      if (this.#line.length + this.#size > MAX_FRAME) throw new RangeError("event too large");
    }

    #take(line) {
      if (line === "") return this.#dispatch();
      const colon = line.indexOf(":");
      if (colon === 0) return undefined; // a comment: the heartbeat
      const field = colon < 0 ? line : line.slice(0, colon);
      let value = colon < 0 ? "" : line.slice(colon + 1);
      if (value.startsWith(" ")) value = value.slice(1);
      if (field === "data") {
        this.#data.push(value);
        this.#size += value.length;
        if (this.#size > MAX_FRAME) throw new RangeError("event too large");
      } else if (field === "event") this.#type = value;
      else if (field === "id" && !value.includes("\0")) this.#id = value;
      else if (field === "retry" && /^\d+$/.test(value)) this.#retry(Number(value));
      return undefined;
    }

    #dispatch() {
      const event = { id: this.#id, type: this.#type || "message", data: this.#data.join("\n") };
      const empty = this.#data.length === 0;
      this.#data = [];
      this.#size = 0;
      this.#type = "";
      if (!empty) this.#emit(event);
    }
  }

  // ---------------------------------------------------------------------------------------------- DOM

  const SVG = "http://www.w3.org/2000/svg";
  const ICONS = {
    chat: ["M4 5.5h16v11H11l-4.5 3.5v-3.5H4z", "M8 9.5h8M8 12.5h5"],
    close: ["M6 6l12 12M18 6L6 18"],
    send: ["M5 12h13M12.5 6l6 6-6 6"],
    down: ["M12 5v13M6 12.5l6 6 6-6"],
    up: ["M7 11v8H4v-8zM7 11l4-7c1.7 0 2.5 1 2.2 2.6L12.7 10H18c1.2 0 2 1 1.8 2.200l-1 5A2.2 2.2 0 0 1 16.7 19H7"],
    person: ["M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8z", "M4.5 20c.8-3.7 3.8-5.5 7.5-5.500s6.7 1.8 7.5 5.5"],
    shield: ["M12 3.500l7 2.500v5.500c0 4.5-3 7.5-7 9-4-1.5-7-4.5-7-9V6z", "M9 12l2.2 2.200L15.2 10"],
    clock: ["M12 20.500a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17z", "M12 7.500V12l3 2"],
    alert: ["M12 4l9 16H3z", "M12 10v4.500M12 17v.2"],
  };

  /** An element with attributes, listeners (`onclick: fn`) and children; strings become text nodes, never markup. */
  function h(tag, props = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(props)) {
      if (value === null || value === undefined || value === false) continue;
      if (typeof value === "function") element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, value === true ? "" : String(value));
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  }

  function icon(name) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    svg.setAttribute("focusable", "false");
    for (const line of ICONS[name]) {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("d", line);
      svg.append(path);
    }
    return svg;
  }

  // ---------------------------------------------------------------------------------------------- text

  const INLINE = /\*\*([^*\n]+)\*\*|\[([^\]\n]{1,300})\]\((https?:\/\/[^\s()]+)\)|https?:\/\/[^\s<>"'()[\]]+|\b[A-Z]{2,5}-\d{2,}\b/gi;
  const BULLET = /^\s*[-*•]\s+(.*)$/;
  const NUMBER = /^\s*(\d{1,3})[.)]\s+(.*)$/;

  /** The address if it may be a link: http(s), an allowed host, no user name that could pose as one. */
  function allowedLink(address, hosts) {
    try {
      const url = new URL(address);
      const plain = (url.protocol === "https:" || url.protocol === "http:") && !url.username && !url.password;
      return plain && hosts.has(url.host) ? url.href : null;
    } catch {
      return null;
    }
  }

  function link(href, label) {
    return h("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, label);
  }

  function inline(text, hosts) {
    const nodes = [];
    let from = 0;
    for (const match of text.matchAll(INLINE)) {
      if (match.index > from) nodes.push(text.slice(from, match.index));
      from = match.index + match[0].length;
      if (match[1] !== undefined) {
        nodes.push(h("strong", {}, ...inline(match[1], hosts)));
      } else if (match[2] !== undefined) {
        const href = allowedLink(match[3], hosts);
        nodes.push(href ? link(href, match[2]) : `${match[2]} (${match[3]})`);
      } else if (!match[0].includes(":")) {
        nodes.push(h("span", { class: "whole" }, match[0])); // an order number is not broken at its hyphen
      } else {
        const tail = /[.,;:!?]+$/.exec(match[0])?.[0] ?? "";
        const address = match[0].slice(0, match[0].length - tail.length);
        const href = allowedLink(address, hosts);
        nodes.push(href ? link(href, address) : address, tail);
      }
    }
    if (from < text.length) nodes.push(text.slice(from));
    return nodes;
  }

  /** Bold, lists, line breaks and allowed links of Markdown as nodes; everything else stays the text it is. */
  function markdown(text, hosts) {
    const blocks = [];
    let open = null;
    const block = (tag, props) => {
      if (open?.tag !== tag) blocks.push((open = { tag, element: h(tag, props) }).element);
      return open.element;
    };
    for (const line of text.replaceAll("\r\n", "\n").split("\n")) {
      const bullet = BULLET.exec(line);
      const number = bullet ? null : NUMBER.exec(line);
      if (line.trim() === "") open = null;
      else if (bullet) block("ul").append(h("li", {}, ...inline(bullet[1], hosts)));
      else if (number) block("ol", { start: number[1] }).append(h("li", {}, ...inline(number[2], hosts)));
      else {
        const paragraph = block("p");
        if (paragraph.hasChildNodes()) paragraph.append(h("br"));
        paragraph.append(...inline(line, hosts));
      }
    }
    return blocks;
  }

  const plainText = (text) => text.replace(/\*\*/g, "").replace(/^\s*[-*•]\s+/gm, "");

  // ---------------------------------------------------------------------------------------------- conversation

  /** "4 minutes", "3 hours", "1 day": the largest unit that does not pretend to know better. */
  function duration(seconds, language) {
    const [unit, size] = seconds < 5400 ? ["minute", 60] : seconds < 86_400 ? ["hour", 3600] : ["day", 86_400];
    return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(Math.max(1, Math.round(seconds / size)));
  }

  const bytesOf = (text) => new TextEncoder().encode(text).length;
  const isText = (value) => typeof value === "string" && value !== "";

  function newId() {
    if (typeof crypto.randomUUID === "function") return crypto.randomUUID(); // absent on pages without TLS
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }

  /** Whether a text could hold a card number: such a message is never put into the browser's storage. */
  function looksLikeCard(text) {
    return [...text.matchAll(/\d(?:[ -]?\d){12,18}/g)].some(([run]) => {
      const digits = run.replace(/\D/g, "");
      const sum = [...digits].reverse().reduce((total, digit, at) => {
        const value = Number(digit) * (at % 2 ? 2 : 1);
        return total + (value > 9 ? value - 9 : value);
      }, 0);
      return sum % 10 === 0;
    });
  }

  const backoff = (failures, base) => Math.min(TIMINGS.retryMax, base * 2 ** Math.min(failures, 10)) * (0.5 + Math.random() / 2);

  /** Milliseconds a `Retry-After` header asks for, in seconds or as a date; null when there is none. */
  function retryAfter(response) {
    const value = response.headers.get("Retry-After");
    if (value === null) return null;
    const ms = /^\d+$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - Date.now();
    return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), 600_000) : null;
  }

  async function problem(response) {
    try {
      const body = await response.json();
      return body !== null && typeof body === "object" ? body : {};
    } catch {
      return {};
    }
  }

  /** A pause that `wake()` ends early: a retry button, or the network coming back. */
  class Pause {
    #end = null;

    wait(ms) {
      return new Promise((resolve) => {
        const timer = setTimeout(() => this.wake(), ms);
        this.#end = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }

    wake() {
      this.#end?.();
      this.#end = null;
    }
  }

  /**
   * One conversation with the server: session, outbox, event stream.
   *
   * Messages leave in order and keep their `client_message_id` until the server has them, so a retry can never become a
   * second message. Events are numbered by the server; a number already seen is dropped, and a broken stream is asked for
   * what follows the last one.
   */
  class Conversation {
    id = null;
    disclosure = "";
    outbox = [];
    #token = null;
    #last = 0;
    #seen = 0;
    #server;
    #locale;
    #view;
    #creating = null;
    #listening = false;
    #sending = false;
    #closed = false;
    #abort = null;
    #sendPause = new Pause();
    #streamPause = new Pause();
    #base = TIMINGS.retryBase;

    constructor({ server, locale, view }) {
      this.#server = server;
      this.#locale = locale;
      this.#view = view;
    }

    get #key() {
      return `frontdesk:${this.#server}`;
    }

    /** Takes up the conversation of this tab, if there is one. Answers whether it did. */
    async resume() {
      const kept = this.#recall();
      if (!isText(kept?.id) || !isText(kept?.token)) return false;
      this.id = kept.id;
      this.#token = kept.token;
      this.#seen = Number(kept.last) || 0;
      this.disclosure = kept.disclosure ?? "";
      this.#view.started(this.disclosure);
      await this.#transcript();
      for (const item of kept.outbox ?? []) this.#queue(item);
      this.#listen();
      this.#pump();
      return true;
    }

    /** A conversation to write into, begun now unless there is one. Throws when the server cannot be reached. */
    ensure() {
      if (this.id) return Promise.resolve();
      this.#creating ??= this.#create().finally(() => (this.#creating = null));
      return this.#creating;
    }

    async #create() {
      const response = await this.#fetch("/v1/conversations", {
        body: { channel: "web", ...(this.#locale ? { locale: this.#locale } : {}) },
        anonymous: true,
      });
      if (!response.ok) throw Object.assign(new Error("not created"), { wait: retryAfter(response) });
      const body = await response.json();
      this.id = body.conversation_id;
      this.#token = body.session_token;
      this.disclosure = isText(body.disclosure) ? body.disclosure : (body.disclosure?.text ?? "");
      this.#last = this.#seen = 0;
      this.#remember();
      this.#view.started(this.disclosure);
      this.#listen();
    }

    #fetch(path, { body, accept = "application/json", anonymous = false, signal, headers = {} } = {}) {
      return fetch(this.#server + path, {
        method: body === undefined ? "GET" : "POST",
        headers: {
          Accept: accept,
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
          ...(anonymous ? {} : { Authorization: `Bearer ${this.#token}` }),
          ...headers,
        },
        body: body === undefined ? undefined : JSON.stringify(body),
        credentials: "omit",
        cache: "no-store",
        signal: signal ?? AbortSignal.timeout(TIMINGS.sendTimeout),
      });
    }

    /** POST beneath the conversation; `{status, body}`, status 0 when the network failed. */
    async post(path, body) {
      try {
        const response = await this.#fetch(`/v1/conversations/${this.id}/${path}`, { body });
        return { status: response.status, body: await problem(response), wait: retryAfter(response) };
      } catch {
        return { status: 0, body: {}, wait: null };
      }
    }

    // The customer's own messages are not events, so what they wrote comes from the transcript.
    async #transcript() {
      try {
        const response = await this.#fetch(`/v1/conversations/${this.id}`);
        if (response.status === 401 || response.status === 404) return void (await this.#afresh(this.id));
        const body = response.ok ? await response.json() : {};
        for (const message of body.messages ?? body.transcript ?? []) {
          if (message?.role === "customer" && isText(message.text)) this.#view.said(message);
        }
      } catch {
        // The replay of the events still shows every answer.
      }
      return undefined;
    }

    // -- sending

    send(text) {
      this.#queue({ id: newId(), text });
      this.#pump();
    }

    #queue({ id, text }) {
      const item = { id, text, state: "queued", detail: "", tries: 0 };
      this.outbox.push(item);
      this.#view.outgoing(item);
      this.#remember();
    }

    retry() {
      for (const item of this.outbox) item.tries = 0;
      this.#sendPause.wake();
      this.#pump();
    }

    async #pump() {
      if (this.#sending || this.#closed) return;
      this.#sending = true;
      try {
        while (this.outbox.length > 0 && !this.#closed) {
          const item = this.outbox[0];
          this.#mark(item, "sending");
          const wait = await this.#deliver(item);
          if (wait === null) continue;
          item.tries += 1;
          if (item.state !== "slow") this.#mark(item, "failed");
          if (item.state === "failed" && item.tries >= TIMINGS.sendTries) return; // the button or the network brings it back
          await this.#sendPause.wait(wait);
        }
      } finally {
        this.#sending = false;
      }
    }

    /** Null when the item has left the outbox, else how many milliseconds to wait before the next try. */
    async #deliver(item) {
      let wait = null;
      try {
        await this.ensure();
      } catch (error) {
        return error.wait ?? backoff(item.tries, TIMINGS.retryBase);
      }
      const conversation = this.id;
      const answer = await this.post("messages", { text: item.text, client_message_id: item.id });
      if (answer.status >= 200 && answer.status < 300) {
        this.#drop(item);
        this.#mark(item, "sent");
        this.#view.accepted(item, answer.body.turn_id);
      } else if (answer.status === 401 || answer.status === 404) {
        wait = backoff(item.tries, TIMINGS.retryBase);
        await this.#afresh(conversation);
      } else if (answer.status === 429) {
        wait = answer.wait ?? backoff(item.tries + 1, TIMINGS.retryBase);
        this.#mark(item, "slow", String(Math.max(1, Math.ceil(wait / 1000))));
      } else if (answer.status >= 400 && answer.status < 500 && answer.status !== 408) {
        this.#drop(item);
        this.#mark(item, "rejected", isText(answer.body.detail) ? answer.body.detail : "");
      } else {
        wait = answer.wait ?? backoff(item.tries, TIMINGS.retryBase);
      }
      return wait;
    }

    #drop(item) {
      this.outbox = this.outbox.filter((other) => other !== item);
      this.#remember();
    }

    #mark(item, state, detail = "") {
      item.state = state;
      item.detail = detail;
      this.#view.marked(item);
    }

    // -- listening

    async #listen() {
      if (this.#listening) return;
      this.#listening = true;
      let failures = 0;
      while (!this.#closed && this.id) {
        const conversation = this.id;
        const wait = await this.#follow(() => (failures = 0));
        if (this.#closed) break;
        this.#view.connected(false);
        if (wait === "gone") await this.#afresh(conversation);
        await this.#streamPause.wait(typeof wait === "number" ? wait : backoff(failures, this.#base));
        failures += 1;
      }
      this.#listening = false;
    }

    /** Follows the stream until it ends. Answers "gone", milliseconds the server asked to wait, or null. */
    async #follow(alive) {
      const abort = (this.#abort = new AbortController());
      const conversation = this.id;
      let watchdog;
      const watch = () => {
        clearTimeout(watchdog);
        watchdog = setTimeout(() => abort.abort(), TIMINGS.silence);
      };
      watch();
      try {
        const response = await this.#fetch(`/v1/conversations/${conversation}/events?after=${this.#last}`, {
          accept: "text/event-stream",
          headers: this.#last > 0 ? { "Last-Event-ID": String(this.#last) } : {},
          signal: abort.signal,
        });
        if (response.status === 401 || response.status === 404) return "gone";
        if (!response.ok || !response.body) return retryAfter(response);
        this.#view.connected(true);
        const parser = new SseParser(
          (event) => conversation === this.id && this.#receive(event),
          (ms) => (this.#base = Math.min(Math.max(ms, 100), TIMINGS.retryMax)),
        );
        const reader = response.body.getReader();
        for (;;) {
          const { value, done } = await reader.read();
          if (done) return null;
          watch();
          alive();
          parser.feed(value);
        }
      } catch {
        return null; // network gone, watchdog, or a frame that cannot be read: ask again for what follows
      } finally {
        clearTimeout(watchdog);
        abort.abort();
      }
    }

    #receive({ id, type, data }) {
      const number = /^\d+$/.test(id) ? Number(id) : null;
      if (number !== null && number <= this.#last) return;
      let body;
      try {
        body = JSON.parse(data);
      } catch {
        body = null;
      }
      const replayed = number !== null && number <= this.#seen;
      if (body !== null && typeof body === "object") {
        try {
          this.#view.event(type, body, replayed);
        } catch (error) {
          console.error("frontdesk-chat: an event could not be shown", error); // one bad event must not stop the stream
        }
      }
      if (number !== null) {
        this.#last = number;
        if (!replayed) this.#remember();
      }
    }

    wake() {
      this.#streamPause.wake();
      this.retry();
    }

    // -- beginning anew, and leaving

    async #afresh(conversation) {
      if (this.id !== conversation) return; // somebody else has begun anew already
      this.id = this.#token = null;
      this.#last = this.#seen = 0;
      this.#abort?.abort(); // the old stream may still be open: nothing will come on it
      this.#remember();
      this.#view.afresh();
      try {
        await this.ensure();
      } catch {
        setTimeout(() => this.outbox.length > 0 && this.#pump(), TIMINGS.retryBase);
      }
    }

    close() {
      this.#closed = true;
      this.#abort?.abort();
      this.#streamPause.wake();
      this.#sendPause.wake();
    }

    #recall() {
      try {
        return JSON.parse(sessionStorage.getItem(this.#key));
      } catch {
        return null;
      }
    }

    #remember() {
      try {
        if (!this.id && this.outbox.length === 0) return sessionStorage.removeItem(this.#key);
        const outbox = this.outbox.filter(({ text }) => !looksLikeCard(text)).map(({ id, text }) => ({ id, text }));
        sessionStorage.setItem(
          this.#key,
          JSON.stringify({ id: this.id, token: this.#token, last: Math.max(this.#last, this.#seen), disclosure: this.disclosure, outbox }),
        );
      } catch {
        // Storage may be forbidden or full; the chat then lasts as long as the page.
      }
      return undefined;
    }
  }

  // ---------------------------------------------------------------------------------------------- style

  const STYLE = `
    :host {
      --accent: var(--frontdesk-accent, #1f5a4a); --on-accent: #fff;
      --surface: light-dark(#ffffff, #171b1c); --raised: light-dark(#f3f5f2, #22282a); --line: light-dark(#dde3dd, #343c3e);
      --text: light-dark(#1b2422, #eceeec); --quiet: light-dark(#56625d, #a9b4b0); --edge: light-dark(#75827c, #7f8c88);
      --danger: light-dark(#a3261b, #ffb4a8); --notice: light-dark(#eef4f1, #1e2b28);
      --radius: 16px; --gap: 12px;
      color-scheme: light dark; position: fixed; z-index: 2147483000; inset-block-end: 0; inset-inline-end: 0;
      font: 400 max(15px, 0.9375rem)/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif;
      color: var(--text); text-align: start; letter-spacing: normal;
    }
    :host([theme="light"]) { color-scheme: light; }
    :host([theme="dark"]) { color-scheme: dark; }
    :host([hidden]) { display: none; }
    *, *::before, *::after { box-sizing: border-box; }
    [hidden] { display: none !important; }
    svg { inline-size: 22px; block-size: 22px; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; flex: none; }
    button, input, textarea { font: inherit; color: inherit; letter-spacing: inherit; }
    button { cursor: pointer; background: none; border: 0; padding: 0; }
    button:disabled { cursor: default; opacity: .55; }
    :focus-visible { outline: 2px solid var(--text); outline-offset: 2px; }
    a { color: inherit; text-decoration: underline; text-underline-offset: 2px; overflow-wrap: anywhere; }
    p { margin: 0; } p + p, p + ul, p + ol, ul + p, ol + p { margin-block-start: 8px; }
    ul, ol { margin: 0; padding-inline-start: 1.35em; } li + li { margin-block-start: 2px; }
    .unseen { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

    .launcher {
      position: fixed; inset-block-end: calc(20px + env(safe-area-inset-bottom)); inset-inline-end: calc(20px + env(safe-area-inset-right));
      inline-size: 60px; block-size: 60px; border-radius: 50%; display: grid; place-items: center;
      background: var(--accent); color: var(--on-accent); box-shadow: 0 0 0 1px light-dark(#0000, #ffffff40), 0 6px 24px #0000003d;
      transition: transform .16s ease;
    }
    .launcher svg { inline-size: 28px; block-size: 28px; }
    .launcher:hover { transform: translateY(-2px); }
    .launcher:focus-visible { outline-offset: 3px; }
    .badge {
      position: absolute; inset-block-start: -2px; inset-inline-end: -2px; min-inline-size: 22px; padding-inline: 6px; border-radius: 11px;
      font-size: 13px; line-height: 22px; font-weight: 600; text-align: center; background: #a3261b; color: #fff;
    }

    .panel {
      position: fixed; inset-block-end: calc(20px + env(safe-area-inset-bottom)); inset-inline-end: calc(20px + env(safe-area-inset-right));
      inline-size: min(400px, calc(100vw - 40px)); block-size: min(660px, calc(100dvh - 40px));
      display: flex; flex-direction: column; background: var(--surface); border: 1px solid var(--line); border-radius: var(--radius);
      overflow: hidden; box-shadow: 0 18px 60px #0000002e, 0 2px 8px #0000001a; animation: rise .2s ease-out;
    }
    @keyframes rise { from { opacity: 0; transform: translateY(10px); } }
    header { display: flex; align-items: center; gap: var(--gap); padding-block: 10px; padding-inline: 18px 10px; border-block-end: 1px solid var(--line); }
    header .mark { inline-size: 36px; block-size: 36px; border-radius: 50%; display: grid; place-items: center; background: var(--accent); color: var(--on-accent); }
    header .mark svg { inline-size: 20px; block-size: 20px; }
    header .names { flex: 1; min-inline-size: 0; line-height: 1.3; }
    h2 { margin: 0; font-size: 1.0625em; font-weight: 650; overflow-wrap: anywhere; }
    header p { color: var(--quiet); font-size: .8667em; }
    .icon { inline-size: 44px; block-size: 44px; display: grid; place-items: center; border-radius: 12px; color: var(--quiet); flex: none; }
    .icon:hover { background: var(--raised); color: var(--text); }

    .scroll { position: relative; flex: 1; min-block-size: 0; display: flex; }
    .log { flex: 1; overflow-y: auto; overscroll-behavior: contain; padding: 18px; display: flex; flex-direction: column; gap: 16px; scrollbar-width: thin; scrollbar-color: var(--line) transparent; }
    .log:focus-visible { outline-offset: -3px; }
    .log > :first-child { margin-block-start: auto; }
    .turn { display: flex; flex-direction: column; gap: 8px; align-items: flex-start; }
    .turn:not(:has(.bubble, .card, .note, .progress)) { display: none; }
    .flat { display: contents; }
    .bubble { max-inline-size: 88%; padding: 10px 14px; border-radius: var(--radius); background: var(--raised); border-end-start-radius: 5px; overflow-wrap: anywhere; unicode-bidi: isolate; }
    .mine { align-self: flex-end; display: flex; flex-direction: column; align-items: flex-end; max-inline-size: 88%; gap: 2px; }
    .mine .bubble { max-inline-size: 100%; background: var(--accent); color: var(--on-accent); border-radius: var(--radius); border-end-end-radius: 5px; white-space: pre-wrap; }
    .mine.waiting .bubble { opacity: .8; }
    .state { font-size: .8667em; color: var(--quiet); display: flex; align-items: center; gap: 8px; flex-wrap: wrap; justify-content: flex-end; }
    .state.bad { color: var(--danger); }
    .streaming .text > :last-child::after { content: ""; display: inline-block; inline-size: 7px; block-size: 7px; margin-inline-start: 5px; border-radius: 50%; background: var(--quiet); animation: pulse 1.1s ease-in-out infinite; }
    @keyframes pulse { 50% { opacity: .25; } }
    .disclosure { color: var(--quiet); font-size: .9333em; padding: 12px 14px; border: 1px solid var(--line); border-radius: var(--radius); display: flex; gap: 10px; align-items: flex-start; }
    .disclosure svg { margin-block-start: 1px; }
    .progress { display: flex; align-items: center; gap: 10px; color: var(--quiet); font-size: .9333em; min-block-size: 24px; }
    .dots { display: inline-flex; gap: 4px; }
    .dots i { inline-size: 6px; block-size: 6px; border-radius: 50%; background: currentColor; animation: pulse 1.2s ease-in-out infinite; }
    .dots i:nth-child(2) { animation-delay: .16s; } .dots i:nth-child(3) { animation-delay: .32s; }
    details { font-size: .8667em; color: var(--quiet); max-inline-size: 88%; }
    summary { cursor: pointer; min-block-size: 44px; padding-inline: 4px; display: flex; align-items: center; gap: 6px; border-radius: 8px; list-style: none; }
    summary::-webkit-details-marker { display: none; }
    summary::before { content: ""; flex: none; inline-size: 7px; block-size: 7px; margin-inline: 2px 4px; border: solid currentColor; border-width: 0 1.6px 1.6px 0; transform: rotate(-45deg); transition: transform .15s; }
    details[open] summary::before { transform: rotate(45deg); }
    details ul { padding-block-end: 6px; padding-inline-start: 2em; }
    .bubble + details { margin-block: -8px; }
    .note { color: var(--quiet); font-size: .9333em; align-self: center; text-align: center; padding-inline: 12px; overflow-wrap: anywhere; }
    .card { align-self: stretch; background: var(--notice); border: 1px solid var(--line); border-radius: var(--radius); padding: 14px; display: flex; gap: var(--gap); overflow-wrap: anywhere; }
    .card.bad { background: light-dark(#fdf1ef, #2d1f1d); } .card.bad > svg { color: var(--danger); }
    .card .inner { flex: 1; min-inline-size: 0; display: flex; flex-direction: column; gap: 6px; }
    .whole { white-space: nowrap; }
    #code-state:empty { position: absolute; }
    .card strong { font-weight: 650; } .card .small { color: var(--quiet); font-size: .9333em; }
    .row { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; }
    .button { min-block-size: 44px; padding: 8px 16px; border-radius: 22px; border: 1px solid var(--edge); background: var(--surface); text-align: start; overflow-wrap: anywhere; }
    .button:hover:not(:disabled) { background: var(--raised); }
    .button.main { background: var(--accent); color: var(--on-accent); border-color: transparent; }
    .button.link { border: 0; background: none; padding-inline: 6px; text-decoration: underline; text-underline-offset: 3px; color: inherit; }
    .code { inline-size: 9.5em; min-block-size: 44px; padding: 8px 12px; border-radius: 10px; border: 1px solid var(--edge); background: var(--surface); font-size: max(16px, 1em); letter-spacing: .18em; font-variant-numeric: tabular-nums; }
    .score { display: flex; gap: 2px; align-items: center; } .score svg { inline-size: 18px; block-size: 18px; }
    .score .bad svg { transform: rotate(180deg); } .score button[aria-pressed="true"] { color: var(--text); background: var(--raised); }
    .options { display: flex; flex-wrap: wrap; gap: 8px; justify-content: flex-end; padding: 0 18px 12px; }
    .jump { position: absolute; inset-block-end: 10px; inset-inline-start: calc(50% - 22px); inline-size: 44px; block-size: 44px; border-radius: 50%; display: grid; place-items: center; background: var(--surface); border: 1px solid var(--edge); box-shadow: 0 4px 14px #00000026; }
    .bar { padding: 6px 18px; font-size: .8667em; color: var(--quiet); background: var(--raised); }
    form.composer { display: flex; align-items: flex-end; gap: 8px; padding-block: 10px calc(10px + env(safe-area-inset-bottom)); padding-inline: 14px 10px; border-block-start: 1px solid var(--line); }
    textarea { flex: 1; min-inline-size: 0; min-block-size: 44px; max-block-size: 9.5em; resize: none; padding: 9px 14px; border: 1px solid var(--edge); border-radius: 22px; background: var(--surface); font-size: max(16px, 1em); line-height: 1.5; overflow-y: auto; scrollbar-width: thin; }
    textarea::placeholder { color: var(--quiet); opacity: 1; }
    textarea:focus-visible { outline-offset: -1px; }
    .go { inline-size: 44px; block-size: 44px; border-radius: 50%; display: grid; place-items: center; background: var(--accent); color: var(--on-accent); flex: none; }
    .go:disabled { background: var(--raised); color: var(--quiet); opacity: 1; }
    .go svg:dir(rtl), summary:dir(rtl)::before { scale: -1 1; }
    .count { padding: 0 18px 8px; font-size: .8667em; color: var(--quiet); } .count.bad { color: var(--danger); }

    @media (max-width: 480px), (max-height: 420px) {
      .panel { inset: 0; inset-block-start: var(--view-top, 0); inset-block-end: auto; inline-size: 100%; block-size: var(--view-height, 100dvh); border: 0; border-radius: 0; padding-inline: env(safe-area-inset-left) env(safe-area-inset-right); }
      header { padding-block-start: calc(10px + env(safe-area-inset-top)); }
    }
    @media (max-height: 420px) { header { padding-block: 2px; } header .mark { display: none; } .log { padding-block: 10px; } .options { flex-wrap: nowrap; overflow-x: auto; justify-content: flex-start; } .options .button { flex: none; } }
    @media (prefers-reduced-motion: reduce) { *, *::before, *::after { animation: none !important; transition: none !important; scroll-behavior: auto !important; } }
    @media (forced-colors: active) { .bubble, .launcher, .go { border: 1px solid CanvasText; } }
  `;

  const sheet = new CSSStyleSheet(); // a constructed sheet needs no style-src exception in the host's policy
  sheet.replaceSync(STYLE);

  /** Black or white, whichever reads better on a colour; null when the colour is not one. */
  function readableOn(color) {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    if (!CSS.supports("color", color) || !canvas) return null;
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue] = Array.from(canvas.getImageData(0, 0, 1, 1).data, (value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4; // WCAG 2 relative luminance
    });
    const light = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    return 1.05 / (light + 0.05) >= (light + 0.05) / 0.05 ? "#ffffff" : "#000000";
  }

  // ---------------------------------------------------------------------------------------------- element

  const FULL_SCREEN = matchMedia("(max-width: 480px), (max-height: 420px)");

  class FrontdeskChat extends HTMLElement {
    static observedAttributes = ["open", "heading", "accent", "locale"];
    static timings = TIMINGS;
    static SseParser = SseParser;

    #root = this.attachShadow({ mode: "open" });
    #ui = {};
    #words = WORDS.en;
    #conversation = null;
    #turns = new Map();
    #messages = new Map();
    #approvals = new Map();
    #tickets = new Map();
    #outgoing = new Map();
    #verification = null;
    #unread = 0;
    #built = false;
    #reconnecting = null;
    #starting = null;
    #paint = new Set();
    #life = null;

    // -- life

    connectedCallback() {
      if (!this.#built) this.#build();
      this.#life = new AbortController();
      const { signal } = this.#life;
      addEventListener("online", () => this.#online(), { signal });
      addEventListener("offline", () => this.#status(this.#words.offline), { signal });
      document.addEventListener("visibilitychange", () => document.hidden || this.#conversation?.wake(), { signal });
      document.addEventListener("click", (event) => this.#asked(event), { signal });
      for (const type of ["resize", "scroll"]) window.visualViewport?.addEventListener(type, () => this.#fit(), { signal });
      FULL_SCREEN.addEventListener("change", () => this.#fit(), { signal });
      this.#begin();
    }

    disconnectedCallback() {
      this.#life?.abort();
      this.#conversation?.close();
      this.#conversation = null;
      clearTimeout(this.#starting);
      clearTimeout(this.#reconnecting);
      this.#forget();
    }

    attributeChangedCallback(name, before, after) {
      if (!this.#built || before === after) return;
      if (name === "open") this.#toggled();
      else if (name === "accent") this.#colour();
      else this.#label();
    }

    get open() {
      return this.hasAttribute("open");
    }

    set open(value) {
      this.toggleAttribute("open", Boolean(value));
    }

    /** Opens the chat and moves the keyboard into it. */
    show() {
      this.open = true;
      this.#ui.input.focus();
    }

    /** Closes the chat and gives the keyboard back to the launcher. */
    hide() {
      this.open = false;
      this.#ui.launcher.focus();
    }

    /** Opens the chat and says `text` as the customer. */
    ask(text) {
      this.show();
      this.#say(text);
    }

    get #server() {
      const given = this.getAttribute("server");
      const base = isText(given) ? given : script?.src ? new URL(script.src).origin : location.origin;
      return new URL(base, location.href).href.replace(/\/+$/, "");
    }

    get #hosts() {
      const more = (this.getAttribute("link-hosts") ?? "").split(/[\s,]+/).filter(Boolean);
      return new Set([location.host, new URL(this.#server).host, ...more]);
    }

    // -- frame

    #build() {
      this.#built = true;
      const ui = this.#ui;
      ui.badge = h("span", { class: "badge", hidden: true });
      ui.launcher = h("button", { class: "launcher", type: "button", part: "launcher", "aria-haspopup": "dialog", onclick: () => this.show() }, icon("chat"), ui.badge);
      ui.heading = h("h2", { id: "heading" });
      ui.subtitle = h("p");
      ui.close = h("button", { class: "icon", type: "button", onclick: () => this.hide() }, icon("close"));
      ui.log = h("div", { class: "log", role: "log", "aria-live": "off", tabindex: "0", onscroll: () => this.#scrolled() });
      ui.jump = h("button", { class: "jump", type: "button", hidden: true, onclick: () => this.#stick(true) }, icon("down"));
      ui.options = h("div", { class: "options", role: "group", hidden: true });
      ui.bar = h("div", { class: "bar", role: "status", hidden: true });
      ui.label = h("label", { class: "unseen", for: "input" });
      ui.input = h("textarea", { id: "input", rows: "1", autocomplete: "off", enterkeyhint: "send", "aria-describedby": "count", dir: "auto",
        oninput: () => this.#typed(), onkeydown: (event) => this.#key(event) });
      ui.send = h("button", { class: "go", type: "submit", disabled: true }, icon("send"));
      ui.count = h("div", { class: "count", id: "count", hidden: true, "aria-live": "polite" });
      ui.news = h("div", { class: "unseen", role: "log", "aria-live": "polite", "aria-relevant": "additions" });
      ui.form = h("form", { class: "composer", onsubmit: (event) => this.#submitted(event) }, ui.label, ui.input, ui.send);
      ui.panel = h(
        "section", { class: "panel", part: "panel", role: "dialog", "aria-labelledby": "heading", hidden: true, onkeydown: (event) => this.#escape(event) },
        h("header", {}, h("span", { class: "mark" }, icon("chat")), h("div", { class: "names" }, ui.heading, ui.subtitle), ui.close),
        h("div", { class: "scroll" }, ui.log, ui.jump), ui.options, ui.bar, ui.form, ui.count,
      );
      this.#root.adoptedStyleSheets = [sheet];
      this.#root.append(ui.launcher, ui.panel, ui.news);
      this.#label();
      this.#colour();
      if (this.#kept() !== null) this.open = this.#kept() === "open";
      this.#toggled();
    }

    #label() {
      const language = (this.getAttribute("locale") ?? document.documentElement.lang ?? "en").toLowerCase();
      const words = (this.#words = WORDS[language.split("-")[0]] ?? WORDS.en);
      const ui = this.#ui;
      ui.panel.lang = words === WORDS.fr ? "fr" : "en";
      ui.heading.textContent = this.getAttribute("heading") || words.heading;
      ui.subtitle.textContent = words.assistant;
      ui.close.setAttribute("aria-label", words.close);
      ui.log.setAttribute("aria-label", words.log);
      ui.news.setAttribute("aria-label", words.news);
      ui.options.setAttribute("aria-label", words.options);
      ui.jump.setAttribute("aria-label", words.newest);
      ui.label.textContent = words.input;
      ui.input.placeholder = words.placeholder;
      ui.send.setAttribute("aria-label", words.send);
      this.#badge();
    }

    #colour() {
      const accent = this.getAttribute("accent");
      const on = isText(accent) ? readableOn(accent) : null;
      for (const [name, value] of [["--accent", accent], ["--on-accent", on]]) {
        if (on) this.style.setProperty(name, value);
        else this.style.removeProperty(name);
      }
    }

    #toggled() {
      const { panel, launcher } = this.#ui;
      panel.hidden = !this.open;
      launcher.hidden = this.open;
      launcher.setAttribute("aria-expanded", String(this.open));
      try {
        sessionStorage.setItem("frontdesk:panel", this.open ? "open" : "closed");
      } catch {
        // Only a convenience of reloads.
      }
      if (!this.open) return;
      this.#unread = 0;
      this.#badge();
      this.#fit();
      this.#begin();
      this.#stick(true);
    }

    #kept() {
      try {
        return sessionStorage.getItem("frontdesk:panel");
      } catch {
        return null;
      }
    }

    #badge() {
      const { launcher, badge } = this.#ui;
      badge.hidden = this.#unread === 0;
      badge.textContent = this.#unread > 9 ? "9+" : String(this.#unread);
      launcher.setAttribute("aria-label", this.#unread ? this.#words.unread(this.#unread) : this.#words.launcher);
    }

    // On a phone the keyboard covers the page; the panel follows the part that can still be seen.
    #fit() {
      const { panel } = this.#ui;
      const view = window.visualViewport;
      panel.toggleAttribute("data-full", FULL_SCREEN.matches);
      if (FULL_SCREEN.matches) panel.setAttribute("aria-modal", "true");
      else panel.removeAttribute("aria-modal");
      if (!view || view.scale !== 1) return; // pinch zoom is the customer's own view; leave it alone
      panel.style.setProperty("--view-height", `${view.height}px`);
      panel.style.setProperty("--view-top", `${view.offsetTop}px`);
      this.#stick();
    }

    #escape(event) {
      if (event.key === "Escape" && !event.isComposing) {
        event.stopPropagation();
        this.hide();
      } else if (event.key === "Tab" && FULL_SCREEN.matches) {
        const stops = [...this.#ui.panel.querySelectorAll("a[href], button, input, textarea, summary, [tabindex='0']")]
          .filter((element) => !element.disabled && element.checkVisibility());
        const edge = event.shiftKey ? stops[0] : stops.at(-1);
        if (this.#root.activeElement === edge) {
          event.preventDefault();
          (event.shiftKey ? stops.at(-1) : stops[0]).focus();
        }
      }
    }

    // Any element of the host page with data-frontdesk-ask="…" asks that; data-frontdesk-open opens the chat.
    #asked(event) {
      const target = event.target instanceof Element ? event.target.closest("[data-frontdesk-ask], [data-frontdesk-open]") : null;
      if (!target || document.querySelector("frontdesk-chat") !== this) return;
      event.preventDefault();
      if (isText(target.dataset.frontdeskAsk)) this.ask(target.dataset.frontdeskAsk);
      else this.show();
    }

    // -- conversation

    async #begin() {
      if (!this.isConnected) return;
      let conversation = this.#conversation;
      if (!conversation) {
        conversation = this.#conversation = new Conversation({ server: this.#server, locale: this.getAttribute("locale"), view: this.#view() });
        this.#ready = conversation.resume();
      }
      await this.#ready;
      if (!this.open || conversation !== this.#conversation || conversation.id) return;
      try {
        await conversation.ensure();
        this.#status("");
      } catch (error) {
        this.#status(navigator.onLine ? this.#words.reconnecting : this.#words.offline);
        clearTimeout(this.#starting);
        this.#starting = setTimeout(() => this.#begin(), error.wait ?? 3000);
      }
    }

    #ready = Promise.resolve();

    #view() {
      return {
        started: (disclosure) => this.#started(disclosure),
        said: (message) => this.#said(message),
        outgoing: (item) => this.#leaving(item),
        marked: (item) => this.#marked(item),
        accepted: (item, turn) => this.#accepted(item, turn),
        event: (type, data, replayed) => this.#event(type, data, replayed),
        connected: (yes) => this.#connected(yes),
        afresh: () => this.#afresh(),
      };
    }

    #forget() {
      for (const kept of [this.#turns, this.#messages, this.#approvals, this.#tickets, this.#outgoing]) kept.clear();
      this.#ui.log.replaceChildren();
      this.#offer([]);
      this.#verification = null;
    }

    #started(disclosure) {
      this.#status("");
      if (isText(disclosure)) {
        this.#ui.log.append(h("div", { class: "disclosure", "data-kind": "disclosure" }, icon("chat"), h("div", {}, ...markdown(disclosure, this.#hosts))));
        for (const pending of this.#ui.log.querySelectorAll(".turn[data-pending]")) this.#ui.log.append(pending);
        if (this.open) this.#announce(disclosure);
      }
      if (this.#turns.size === 0) this.#offer((this.getAttribute("suggestions") ?? "").split("|").map((text) => text.trim()).filter(Boolean));
      this.#stick();
    }

    #afresh() {
      this.#turns.clear();
      this.#messages.clear();
      this.#verification = null;
      this.#offer([]);
      for (const progress of this.#ui.log.querySelectorAll(".progress")) progress.remove();
      this.#note(this.#words.afresh);
    }

    #online() {
      this.#status("");
      this.#conversation?.wake();
      this.#begin();
    }

    // A short break is nobody's business: the line appears only when it lasts.
    #connected(yes) {
      clearTimeout(this.#reconnecting);
      if (yes) this.#status("");
      else this.#reconnecting = setTimeout(() => this.#status(navigator.onLine ? this.#words.reconnecting : this.#words.offline), 2000);
    }

    #status(text) {
      this.#ui.bar.textContent = text;
      this.#ui.bar.hidden = text === "";
    }

    // -- writing

    #typed() {
      const { input, send, count } = this.#ui;
      const bytes = bytesOf(input.value);
      const over = bytes > MAX_BYTES;
      send.disabled = over || input.value.trim() === "";
      count.hidden = bytes < MAX_BYTES * 0.8;
      count.classList.toggle("bad", over);
      count.textContent = count.hidden ? "" : this.#words[over ? "over" : "left"](bytes, MAX_BYTES);
      input.setAttribute("aria-invalid", String(over));
      input.style.blockSize = "auto";
      input.style.blockSize = `${input.scrollHeight + 2}px`;
    }

    #key(event) {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#ui.form.requestSubmit();
    }

    #submitted(event) {
      event.preventDefault();
      const { input } = this.#ui;
      if (input.value.trim() === "" || bytesOf(input.value) > MAX_BYTES) return;
      this.#say(input.value.trim());
      input.value = "";
      this.#typed();
      input.focus();
    }

    async #say(text) {
      this.#begin();
      await this.#ready; // what a resumed conversation still had to send goes first
      this.#conversation?.send(text);
      this.#stick(true);
    }

    // -- what the customer said

    #bubbleOfMine(text) {
      const state = h("div", { class: "state", hidden: true });
      const bubble = h("div", { class: "bubble", dir: "auto" }, text);
      return { element: h("div", { class: "mine" }, h("span", { class: "unseen" }, this.#words.you), bubble, state), state, text };
    }

    #leaving(item) {
      this.#offer([]);
      const mine = this.#bubbleOfMine(item.text);
      mine.turn = this.#newTurn(null);
      mine.turn.element.setAttribute("data-pending", "");
      mine.turn.mine.append(mine.element);
      this.#ui.log.append(mine.turn.element);
      this.#outgoing.set(item.id, mine);
      this.#marked(item);
      this.#stick(true);
    }

    #marked(item) {
      const mine = this.#outgoing.get(item.id);
      if (!mine) return;
      const words = this.#words;
      const retry = () => h("button", { class: "button link", type: "button", onclick: () => this.#conversation?.retry() }, words.retry);
      const shown = {
        queued: [words.queued], sending: [words.sending], sent: [], slow: [words.slow(item.detail)],
        failed: [words.notSent, retry()], rejected: [item.detail || words.refused],
      }[item.state];
      mine.element.dataset.state = item.state;
      mine.element.classList.toggle("waiting", item.state !== "sent");
      mine.state.classList.toggle("bad", item.state === "failed" || item.state === "rejected");
      mine.state.hidden = shown.length === 0;
      mine.state.replaceChildren(...shown);
      if (item.state === "failed" && item.tries === 1) this.#announce(words.notSent);
      if (item.state === "rejected") {
        mine.turn.element.removeAttribute("data-pending");
        this.#announce(item.detail || words.refused);
      }
      this.#stick();
    }

    #accepted(item, turnId) {
      const mine = this.#outgoing.get(item.id);
      this.#outgoing.delete(item.id);
      if (!mine || !isText(turnId)) return;
      mine.turn.element.removeAttribute("data-pending");
      const known = this.#turns.get(turnId);
      if (known) {
        // The stream was quicker than the answer, or the transcript already had the message.
        if (!known.said) {
          known.mine.append(mine.element);
          known.texts.push(mine.text);
        }
        mine.turn.element.remove();
      } else {
        mine.turn.texts.push(mine.text);
        this.#turns.set(turnId, mine.turn);
        this.#progress(mine.turn, this.#words.steps.classify);
      }
    }

    #said(message) {
      const turn = isText(message.turn_id) ? this.#turn(message.turn_id, message.at) : this.#newTurn(message.at, true);
      turn.texts.push(message.text);
      turn.said = true;
      turn.mine.append(this.#bubbleOfMine(message.text).element);
    }

    // -- turns: a question with everything that answers it, in the order the server gave

    #newTurn(at, placed = false) {
      const turn = { mine: h("div", { class: "flat" }), body: h("div", { class: "flat" }), texts: [], said: false, unfinished: null, progress: null, shown: false, done: false, at };
      turn.element = h("div", { class: "turn" }, turn.mine, turn.body);
      if (placed) this.#place(turn.element, at);
      return turn;
    }

    #turn(id, at) {
      let turn = isText(id) ? this.#turns.get(id) : null;
      if (!turn) {
        turn = this.#newTurn(at, true);
        if (isText(id)) this.#turns.set(id, turn);
      }
      return turn;
    }

    #place(element, at) {
      if (isText(at)) element.dataset.at = at;
      const later = isText(at) && [...this.#ui.log.children].find((other) => other.dataset.at && Date.parse(other.dataset.at) > Date.parse(at));
      const pending = this.#ui.log.querySelector(":scope > [data-pending]");
      this.#ui.log.insertBefore(element, later || pending || null);
    }

    /** Where something belongs that may come long after its turn: in the turn while it runs, else at its own time. */
    #spot(data) {
      const turn = isText(data.turn_id) ? this.#turns.get(data.turn_id) : null;
      return turn && !turn.done ? turn : this.#newTurn(data.at, true);
    }

    #progress(turn, phrase) {
      if (!phrase) {
        turn.progress?.remove();
        turn.progress = null;
        return;
      }
      turn.progress ??= h("div", { class: "progress" }, h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")), h("span"));
      turn.progress.lastChild.textContent = phrase;
      if (turn.element.lastChild !== turn.progress) turn.element.append(turn.progress);
    }

    // -- what the server said

    #event(type, data, replayed) {
      const quiet = replayed || !this.open;
      const handlers = {
        "turn.started": () => this.#turnStarted(data),
        "turn.completed": () => this.#turnCompleted(data),
        step: () => data.status === "started" && this.#step(data),
        "message.delta": () => this.#delta(data),
        "message.completed": () => this.#completed(data, replayed),
        "verification.required": () => this.#verify(data, replayed),
        "verification.succeeded": () => this.#verified(),
        "approval.pending": () => this.#approval(data),
        "approval.decided": () => this.#approval(data),
        "action.completed": () => this.#action(data),
        "handoff.offered": () => this.#handoffOffered(data),
        "handoff.created": () => this.#handoffCreated(data),
        "agent.joined": () => this.#agentCame(data, true),
        "agent.message": () => this.#agentSaid(data, replayed),
        "agent.left": () => this.#agentCame(data, false),
        error: () => this.#error(data),
      };
      this.#silent = quiet;
      if (Object.hasOwn(handlers, type)) handlers[type]();
      this.#silent = false;
      this.#stick();
    }

    #silent = false;

    #turnStarted(data) {
      const turn = this.#turn(data.turn_id, data.at);
      if (!turn.element.dataset.at && isText(data.at)) turn.element.dataset.at = turn.at = data.at;
      this.#discard(turn); // a turn begun again after a crash says everything again
      turn.done = false;
      this.#offer([]);
      this.#progress(turn, this.#words.steps.classify);
    }

    #turnCompleted(data) {
      const turn = this.#turn(data.turn_id, data.at);
      this.#discard(turn);
      this.#progress(turn, null);
      turn.done = true;
      if (data.outcome === "failed" && !turn.shown) this.#problem(turn, this.#words.failed, true);
    }

    #step(data) {
      const turn = this.#turn(data.turn_id, data.at);
      const phrase = Object.hasOwn(this.#words.steps, data.node) ? this.#words.steps[data.node] : null;
      if (phrase && !turn.done && !turn.unfinished) this.#progress(turn, phrase);
    }

    #discard(turn) {
      if (!turn.unfinished) return;
      turn.unfinished.group.remove();
      this.#messages.delete(turn.unfinished.id);
      this.#paint.delete(turn.unfinished);
      turn.unfinished = null;
    }

    #bubble(turn, id, author = this.#words.bot) {
      const text = h("div", { class: "text", dir: "auto" });
      const element = h("div", { class: "bubble" }, h("span", { class: "unseen" }, author), text);
      const group = h("div", { class: "flat" }, element);
      const bubble = { id, text, element, group, raw: "", completed: false };
      turn.body.append(group);
      this.#messages.set(id, bubble);
      return bubble;
    }

    #delta(data) {
      if (!isText(data.message_id) || typeof data.text !== "string") return;
      const turn = this.#turn(data.turn_id, data.at);
      let bubble = this.#messages.get(data.message_id);
      if (bubble?.completed) return;
      if (turn.unfinished && turn.unfinished.id !== data.message_id) this.#discard(turn); // another engine took over
      if (!bubble) {
        bubble = turn.unfinished = this.#bubble(turn, data.message_id);
        bubble.element.classList.add("streaming");
        bubble.element.setAttribute("aria-busy", "true");
        this.#progress(turn, null);
      }
      bubble.raw += data.text;
      if (this.#paint.size === 0) requestAnimationFrame(() => this.#repaint());
      this.#paint.add(bubble);
    }

    #repaint() {
      for (const bubble of this.#paint) bubble.text.replaceChildren(...markdown(bubble.raw, this.#hosts));
      this.#paint.clear();
      this.#stick();
    }

    #completed(data, replayed) {
      if (!isText(data.message_id)) return;
      const turn = this.#turn(data.turn_id, data.at);
      if (turn.unfinished && turn.unfinished.id !== data.message_id) this.#discard(turn);
      const bubble = this.#messages.get(data.message_id) ?? this.#bubble(turn, data.message_id);
      if (bubble.completed) return;
      if (turn.unfinished === bubble) turn.unfinished = null;
      bubble.completed = turn.shown = true;
      bubble.raw = typeof data.text === "string" ? data.text : "";
      bubble.element.classList.remove("streaming");
      bubble.element.removeAttribute("aria-busy");
      bubble.text.replaceChildren(...markdown(bubble.raw, this.#hosts));
      this.#progress(turn, null);
      const sources = (Array.isArray(data.sources) ? data.sources : []).filter((source) => isText(source?.title));
      if (sources.length > 0) bubble.group.append(this.#sources(sources));
      if (this.hasAttribute("feedback") && isText(data.turn_id)) bubble.group.append(this.#score(data.turn_id));
      this.#offer((Array.isArray(data.options) ? data.options : []).map((option) => (isText(option) ? option : (option?.label ?? option?.text))).filter(isText));
      this.#announce(`${this.#words.bot} ${plainText(bubble.raw)}`);
      if (!replayed && !this.open) {
        this.#unread += 1;
        this.#badge();
      }
    }

    #sources(sources) {
      const named = ({ title, version }) => (isText(String(version ?? "")) ? `${title} (v${String(version).replace(/^v/i, "")})` : title);
      const more = sources.length > 1 ? ` ${this.#words.more(sources.length - 1)}` : "";
      return h(
        "details", { class: "sources" },
        h("summary", {}, h("span", {}, `${this.#words.basedOn} ${named(sources[0])}${more}`)),
        h("ul", {}, ...sources.map((source) => h("li", {}, named(source), isText(source.article) ? ` · ${source.article}` : null))),
      );
    }

    #score(turnId) {
      const row = h("div", { class: "score" });
      const button = (name, label, score) => {
        const element = h("button", { class: `icon ${name === "up" ? "good" : "bad"}`, type: "button", "aria-label": label, "aria-pressed": "false", onclick: () => give(element, score) }, icon("up"));
        return element;
      };
      const give = async (pressed, score) => {
        const answer = await this.#conversation.post("feedback", { turn_id: turnId, score });
        if (answer.status === 404 || answer.status === 501) {
          this.removeAttribute("feedback"); // this server does not take feedback: ask nobody again
          for (const other of this.#root.querySelectorAll(".score")) other.remove();
        } else if (answer.status >= 200 && answer.status < 300) {
          for (const other of row.children) other.setAttribute("aria-pressed", String(other === pressed));
          this.#announce(this.#words.thanks);
        }
      };
      row.append(button("up", this.#words.good, 1), button("down", this.#words.bad, -1));
      return row;
    }

    #offer(options) {
      const { options: tray } = this.#ui;
      tray.replaceChildren(...options.slice(0, 8).map((text) => h("button", { class: "button", type: "button", dir: "auto", onclick: () => this.#choose(text) }, text)));
      tray.hidden = options.length === 0;
    }

    #choose(text) {
      this.#ui.input.focus();
      this.#say(text);
    }

    // -- notices

    #card(spot, name, kind, ...children) {
      const inner = h("div", { class: "inner" }, ...children);
      const card = h("div", { class: `card ${kind === "error" ? "bad" : ""}`, "data-kind": kind }, icon(name), inner);
      spot.body.append(card);
      return { card, inner };
    }

    #note(text) {
      const turn = this.#newTurn(null, true);
      turn.body.append(h("div", { class: "note", "data-kind": "note" }, text));
      this.#announce(text);
    }

    #problem(turn, detail, retryable) {
      const button = h("button", { class: "button", type: "button", onclick: () => this.#tryAgain(button, turn) }, this.#words.again);
      this.#card(turn, "alert", "error", h("div", {}, detail), retryable ? h("div", { class: "row" }, button) : null);
      turn.shown = true;
      this.#announce(detail);
    }

    // The failed turn is closed, so trying again is a new message with a new id.
    #tryAgain(button, turn) {
      const text = turn.texts.at(-1);
      if (!text) return this.#ui.input.focus();
      button.disabled = true;
      return this.#choose(text);
    }

    #error(data) {
      const turn = this.#spot(data);
      this.#progress(turn, null);
      this.#problem(turn, isText(data.detail) ? data.detail : this.#words.failed, data.retryable === true);
    }

    #verify(data, replayed) {
      this.#verification?.card.remove();
      const words = this.#words;
      const input = h("input", { class: "code", id: "code", inputmode: "numeric", autocomplete: "one-time-code", maxlength: "12", required: true, "aria-describedby": "code-state", dir: "ltr" });
      const state = h("div", { class: "small", id: "code-state", role: "status" });
      const confirm = h("button", { class: "button main", type: "submit" }, words.confirm);
      const resend = h("button", { class: "button link", type: "button", onclick: () => this.#resend(state) }, words.resend);
      const form = h(
        "form", { class: "inner", onsubmit: (event) => this.#confirm(event, { input, state, confirm }) },
        h("div", {}, isText(data.sent_to) ? words.codeSent(data.sent_to) : words.codePlain),
        h("label", { class: "small", for: "code" }, words.code),
        h("div", { class: "row" }, input, confirm), state, h("div", {}, resend),
      );
      const { card, inner } = this.#card(this.#spot(data), "shield", "verification", form);
      this.#verification = { card, inner };
      if (!replayed) this.#announce(form.firstChild.textContent);
    }

    async #confirm(event, { input, state, confirm }) {
      event.preventDefault();
      confirm.disabled = true;
      const answer = await this.#conversation.post("verification", { code: input.value.trim() });
      confirm.disabled = false;
      if (answer.status >= 200 && answer.status < 300) return this.#verified();
      const detail = isText(answer.body.detail) ? answer.body.detail : null;
      state.textContent = detail ?? { 410: this.#words.codeOver, 422: this.#words.codeWrong }[answer.status] ?? this.#words.failed;
      input.select();
      input.focus();
      return undefined;
    }

    async #resend(state) {
      const answer = await this.#conversation.post("verification/resend", {});
      const detail = isText(answer.body.detail) ? answer.body.detail : this.#words.failed;
      state.textContent = answer.status >= 200 && answer.status < 300 ? this.#words.resent : detail;
    }

    #verified() {
      if (!this.#verification) return;
      const held = this.#verification.card.contains(this.#root.activeElement);
      this.#verification.inner.replaceChildren(this.#words.verified);
      this.#verification = null;
      this.#announce(this.#words.verified);
      if (held) this.#ui.input.focus();
    }

    #approval(data) {
      const key = data.approval_id ?? "";
      const words = this.#words;
      const known = this.#approvals.get(key) ?? this.#card(this.#spot(data), "clock", "approval");
      this.#approvals.set(key, known);
      known.summary = isText(data.summary) ? data.summary : (known.summary ?? "");
      const decision = isText(data.decision) ? (Object.hasOwn(words.decided, data.decision) ? words.decided[data.decision] : data.decision) : null;
      const title = decision ?? words.pending;
      known.inner.replaceChildren(h("strong", {}, title), ...[known.summary, data.reason].filter(isText).map((text) => h("div", { class: "small" }, ...inline(text, this.#hosts))));
      this.#announce(`${title}. ${known.summary}`);
    }

    #action(data) {
      if (data.outcome === "failed") this.#spot(data).body.append(h("div", { class: "note", "data-kind": "action" }, this.#words.notDone));
    }

    #handoffOffered(data) {
      const words = this.#words;
      const modes = (Array.isArray(data.options) ? data.options : []).map((option) => (isText(option) ? { mode: option } : option)).filter((option) => isText(option?.mode));
      const buttons = (modes.length > 0 ? modes : [{ mode: "chat" }, { mode: "email" }]).map(({ mode, label }) =>
        h("button", { class: "button", type: "button", onclick: () => choose(mode) }, isText(label) ? label : ({ chat: words.chat, email: words.email }[mode] ?? mode)));
      const row = h("div", { class: "row" }, ...buttons);
      const choose = async (mode) => {
        for (const button of buttons) button.disabled = true;
        const answer = await this.#conversation.post("handoff", { mode });
        if (answer.status >= 200 && answer.status < 300) return row.remove();
        for (const button of buttons) button.disabled = false;
        return this.#announce(words.failed);
      };
      this.#card(this.#spot(data), "person", "handoff-offer", h("strong", {}, words.offered), row);
      this.#announce(words.offered);
    }

    #handoffCreated(data) {
      const words = this.#words;
      const lines = [];
      if (isText(data.ticket_id)) lines.push(`${words.ticket}: ${data.ticket_id}`);
      if (Number.isFinite(data.position) && data.position > 0) lines.push(words.place(data.position));
      if (Number.isFinite(data.eta_seconds) && data.eta_seconds > 0) lines.push(words.wait(duration(data.eta_seconds, this.#ui.panel.lang)));
      const turn = this.#spot(data);
      turn.shown = true;
      this.#tickets.get(data.ticket_id)?.card.remove(); // one ticket, one notice: the newest place and wait
      const shown = this.#card(turn, "person", "handoff", h("strong", {}, words.handoff), ...lines.map((line) => h("div", { class: "small" }, line)));
      this.#tickets.set(data.ticket_id, shown);
      this.#announce([words.handoff, ...lines].join(". "));
    }

    #agentName(data) {
      return [data.name, data.agent?.name, data.agent].find(isText) ?? this.#words.agent;
    }

    #agentCame(data, here) {
      const name = this.#agentName(data);
      const text = here ? this.#words.joined(name) : this.#words.left_(name);
      this.#spot(data).body.append(h("div", { class: "note", "data-kind": "agent" }, text));
      this.#ui.subtitle.textContent = here ? name : this.#words.assistant;
      this.#announce(text);
    }

    #agentSaid(data, replayed) {
      if (!isText(data.text) || this.#messages.has(data.message_id)) return;
      const name = this.#agentName(data);
      const bubble = this.#bubble(this.#spot(data), data.message_id ?? newId(), this.#words.agentSaid(name));
      bubble.completed = true;
      bubble.text.replaceChildren(...markdown(data.text, this.#hosts));
      this.#announce(`${this.#words.agentSaid(name)} ${plainText(data.text)}`);
      if (!replayed && !this.open) {
        this.#unread += 1;
        this.#badge();
      }
    }

    // -- reading along

    /** Reads a finished text out through the hidden live region; streamed pieces never come here. */
    #announce(text) {
      if (this.#silent) return;
      const line = h("p", {}, text);
      this.#ui.news.append(line);
      setTimeout(() => line.remove(), TIMINGS.announceFor); // read once; not found twice when browsing the page
    }

    #atEnd = true;

    #scrolled() {
      const { log, jump } = this.#ui;
      this.#atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 48;
      jump.hidden = this.#atEnd;
    }

    #stick(always = false) {
      const { log } = this.#ui;
      if (!always && !this.#atEnd) return this.#scrolled();
      log.scrollTop = log.scrollHeight;
      return undefined;
    }
  }

  customElements.define("frontdesk-chat", FrontdeskChat);

  // One line is enough: a page that places no element of its own gets one, with the script's data-* as attributes.
  const place = () => {
    if (document.querySelector("frontdesk-chat") || script?.hasAttribute("data-manual")) return;
    const chat = document.createElement("frontdesk-chat");
    for (const [name, value] of Object.entries(script?.dataset ?? {})) chat.setAttribute(name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`), value);
    document.body.append(chat);
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", place);
  else place();
})();
