/*
 * Who is signed in, and calls to the server in their name.
 *
 * The token is in this tab's sessionStorage and in the Authorization header, nowhere else: never in an address, and gone
 * with the tab.
 */

const KEY = "frontdesk-console";
const TIMEOUT = 20_000;

/** What the server did not do, as a sentence. `status` is 0 when it could not be asked. */
export class Problem extends Error {
  constructor(status, { code = "", detail = "" } = {}) {
    super(session.named(detail || "The server did not say why."));
    this.status = status;
    this.code = code;
  }
}

export const session = {
  /** `{id, name, roles}` while somebody is signed in. */
  me: null,
  /** Called with a sentence when the token no longer counts. */
  ended: () => {},
  names: new Map(),

  /** Signs in with a token, or with the one this tab keeps; false when it keeps none. Throws a `Problem`. */
  async begin(token = sessionStorage.getItem(KEY)) {
    if (!token) return false;
    try {
      this.me = await ask("/v1/staff/me", {}, token);
      sessionStorage.setItem(KEY, token);
    } catch (problem) {
      if (problem.status === 401) this.forget();
      throw problem;
    }
    await this.learnNames();
    return true;
  },

  forget() {
    sessionStorage.removeItem(KEY);
    this.me = null;
    this.names = new Map();
  },

  may(...roles) {
    return this.me !== null && roles.some((role) => this.me.roles.includes(role));
  },

  async learnNames() {
    const { items } = await call("/v1/staff");
    this.names = new Map(items.map(({ id, name }) => [id, name]));
  },

  /** Text in which members of staff have names instead of ids. */
  named(text) {
    return String(text).replace(/\bstaff_[0-9a-z]+/g, (id) => (id === this.me?.id ? "you" : (this.names.get(id) ?? id)));
  },
};

/** Asks the server in the name of whoever is signed in. Throws a `Problem`. */
export async function call(path, { method = "GET", query = {}, body } = {}) {
  try {
    return await ask(path, { method, query, body }, sessionStorage.getItem(KEY));
  } catch (problem) {
    if (problem.status === 401 && session.me) {
      session.forget();
      session.ended("Your token does not count any more. Please sign in again.");
    }
    throw problem;
  }
}

async function ask(path, { method = "GET", query = {}, body } = {}, token) {
  const asked = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined));
  const headers = { Accept: "application/json", Authorization: `Bearer ${token}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(asked.size > 0 ? `${path}?${asked}` : path, {
      method, headers, body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(TIMEOUT),
    });
  } catch {
    throw new Problem(0, { detail: "The server cannot be reached. It is tried again." });
  }
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Problem(answer.status, said);
  return said;
}
