// What the page says when a request of a script fails: a sentence, with the id of the request.

export const SIGN_IN = "You are signed out. Sign in again in another tab";

export const NO_RESPONSE = "The server did not respond within a minute.";
const RESPONSE_MS = 60_000; // as htmx's, in base.html

const notice = document.querySelector("[data-failed]");
let subject = "";

/** Show a sentence in view, until it is closed or `quiet` is called with the same subject. */
export function tell(words, about = "") {
  subject = about;
  notice.querySelector("[data-failed-words]").textContent = words;
  notice.hidden = false;
}

export function quiet(about) {
  if (notice && about === subject) notice.hidden = true;
}

notice?.querySelector("[data-failed-close]").addEventListener("click", () => (notice.hidden = true));

/** The request had no usable response; the message is the reason. */
export class Failed extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status; // 0 without a response
  }
}

/** The response of a request. Throws `Failed`, or the browser's AbortError. */
export async function ask(url, init = {}) {
  const headers = { Accept: "application/json", "X-CSRFToken": token(), ...init.headers };
  const slow = AbortSignal.timeout(RESPONSE_MS);
  const signal = init.signal ? AbortSignal.any([init.signal, slow]) : slow;
  const response = await fetch(url, { ...init, headers, signal }).catch((error) => {
    if (slow.aborted) throw new Failed(NO_RESPONSE);
    throw init.signal?.aborted ? error : new Failed("Connection lost.");
  });
  if (isSignIn(response.url) || response.status === 401) throw new Failed(`${SIGN_IN}.`, 401);
  if (!response.ok) {
    const body = await response.text().catch(() => "");
    throw new Failed(reason(response.status, parsed(body).error, response.headers.get("X-Request-ID")), response.status);
  }
  return response;
}

export function isSignIn(url) {
  return new URL(url || location, location).pathname === "/sign-in/";
}

/** Why a request was rejected; `words` are the server's own, absent in the page of a proxy. */
export function reason(status, words, id) {
  const sentence = words ?? `The server responded with status ${status}.`;
  return id ? `${sentence} Request id: ${id}` : sentence;
}

export function parsed(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

// The cookie's, not the page's: it stays right when one signs in again in another tab.
export function token() {
  const cookie = document.cookie.split("; ").find((each) => each.startsWith("csrftoken="));
  return cookie?.slice("csrftoken=".length) ?? "";
}
