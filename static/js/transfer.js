// The requests of an upload. Source: tus resumable upload protocol 1.0 (tus.io).

import { isSignIn, parsed, reason, SIGN_IN, token } from "./problems.js";

// Worth another try: what has come stays. A full disk and too many unfinished uploads are among them.
const isTemporary = (status) => [408, 423, 429].includes(status) || status >= 500;

/** The server rejects the file; the message is its reason. */
export class Rejected extends Error {}
/** What is sent is not the file that the upload began with. */
export class OtherFile extends Rejected {}
/** There is no such upload any more. */
export class Gone extends Rejected {}
export class Cancelled extends Error {}
/** No response, or one that says later: the same request is to be tried again. */
export class Interrupted extends Error {}

/** The unfinished uploads of the user, as `look` describes each. */
export async function list(url) {
  return (await (await call(url)).json()).uploads;
}

/** Announce a file; the address of its upload. */
export async function open(url, { name, size, project, options }) {
  const response = await call(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ name, size, project: Number(project), options }),
  });
  return new URL(response.headers.get("Location"), location).pathname;
}

/** How far an upload is: `{url, name, size, offset, sha256, state, made}`. */
export async function look(address, signal) {
  return (await call(address, { signal })).json();
}

export function forget(address) {
  return request(address, { method: "DELETE", keepalive: true }).catch(() => {});
}

async function call(url, init = {}) {
  const response = await request(url, init).catch(() => {
    throw init.signal?.aborted ? new Cancelled() : new Interrupted("Connection lost");
  });
  const text = response.ok ? "" : await response.text().catch(() => "");
  check(response.status, response.url, text, response.headers.get("X-Request-ID"));
  return response;
}

function check(status, url, text, id) {
  if (isSignIn(url)) throw new Interrupted(SIGN_IN);
  if (status < 400 || status === 409) return;
  const words = parsed(text).error ?? (status === 404 ? "This upload is no longer on the server." : undefined);
  const why = reason(status, words, id);
  if (isTemporary(status)) throw new Interrupted(why.replace(/\.$/, ""));
  if (status === 404 || status === 410) throw new Gone(why);
  if (status === 412) throw new OtherFile(why);
  throw new Rejected(why);
}

/**
 * Send the bytes at `offset`: `{status, made}`, with status 409 when the upload is elsewhere.
 * `prefix` is the hash of the bytes before them, `tell` hears how many have gone.
 */
// XMLHttpRequest tells how far a body has gone; fetch does not.
export function send(address, offset, chunk, { prefix, signal, tell }) {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open("PATCH", address);
    sending.setRequestHeader("Content-Type", "application/offset+octet-stream");
    sending.setRequestHeader("Upload-Offset", String(offset));
    sending.setRequestHeader("Tus-Resumable", "1.0.0");
    sending.setRequestHeader("X-CSRFToken", token());
    if (prefix) sending.setRequestHeader("If-Match", `"${prefix}"`);
    sending.upload.addEventListener("progress", ({ loaded }) => tell(Math.min(loaded, chunk.size)));
    sending.addEventListener("load", () => {
      const { status, responseURL, responseText } = sending;
      try {
        check(status, responseURL, responseText, sending.getResponseHeader("X-Request-ID"));
        resolve({ status, made: status === 200 ? parsed(responseText) : null });
      } catch (error) {
        reject(error);
      }
    });
    sending.addEventListener("error", () => reject(new Interrupted("Connection lost")));
    sending.addEventListener("abort", () => reject(new Cancelled()));
    signal.addEventListener("abort", () => sending.abort(), { once: true });
    if (signal.aborted) return reject(new Cancelled());
    sending.send(chunk);
  });
}

function request(url, init) {
  const headers = { "X-CSRFToken": token(), "Tus-Resumable": "1.0.0", ...init.headers };
  return fetch(url, { ...init, headers });
}
