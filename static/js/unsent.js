// Changes that did not reach the server: sent when the connection is back, or after a sign-in.

import { ask } from "./problems.js";

// Of this user: somebody else may sign in next in the same tab.
const KEY = `unsent of ${document.body.dataset.user}`;
const RETRY_MS = 3000;
const notice = document.querySelector("[data-unsent]");

/** Changes by address, the last of each: `{path, fields, why, source}`; kept over a reload. */
const changes = new Map();
let timer = null;
let sending = false;

/** Keep the request of an htmx event, when it changes something. */
export function keep(detail, why) {
  const { verb, path, formData } = detail.requestConfig;
  if (verb === "get") return;
  const fields = [...formData.entries()].filter(([name]) => name !== "csrfmiddlewaretoken").map(([name, value]) => [name, String(value)]);
  changes.set(path, { path, fields, why, source: detail.elt });
  store();
  show();
}

/** The request of an htmx event has arrived. */
export function arrived(detail) {
  const { verb, path } = detail.requestConfig;
  if (verb === "get" || !changes.delete(path)) return;
  store();
  show();
}

function store() {
  const kept = [...changes.values()].map(({ path, fields, why }) => ({ path, fields, why, page: location.pathname + location.search }));
  if (kept.length) sessionStorage.setItem(KEY, JSON.stringify(kept));
  else sessionStorage.removeItem(KEY);
}

function show(words = "") {
  clearTimeout(timer);
  if (!notice) return;
  notice.hidden = changes.size === 0 && !words;
  notice.querySelector("[data-unsent-send]").hidden = changes.size === 0;
  if (notice.hidden) return;
  const list = [...changes.values()];
  const waits = list.some(({ why }) => why === "offline");
  const why = waits ? "Connection lost." : "Your session had ended.";
  const next = waits ? "It is sent when the connection is back." : "";
  notice.querySelector("[data-unsent-words]").textContent = words || `${why} Not sent yet: ${typed(list)}. ${next}`.trim();
  if (waits) timer = setTimeout(send, RETRY_MS);
}

async function send() {
  if (sending) return;
  sending = true;
  const problems = [];
  let isShown = true;
  for (const change of [...changes.values()]) {
    if (change.source?.isConnected) await sendAsBefore(change);
    else {
      isShown = false;
      problems.push(await sendAlone(change));
    }
  }
  sending = false;
  const words = problems.filter(Boolean).join(" ");
  show(words);
  if (!isShown && !words) location.reload();
}

// The response takes the place of the form.
async function sendAsBefore({ path, fields, source }) {
  await window.htmx.ajax("POST", path, { source, values: Object.fromEntries(fields) }).catch(() => {});
}

// Its form is gone. What the server does not accept is kept until it is discarded; says why.
async function sendAlone(change) {
  const { path, fields } = change;
  try {
    // As the form would have: a value that is rejected is an error, and not a page with a message.
    await ask(path, { method: "POST", headers: { "HX-Request": "true" }, body: new URLSearchParams(fields) });
  } catch (error) {
    if (!error.status) return "";
    change.why = "rejected";
    return `Not sent: ${typed([change])}. ${error.message}`;
  }
  changes.delete(path);
  store();
  return "";
}

function typed(list) {
  return list.flatMap(({ fields }) => fields.map(([, value]) => `“${value}”`)).join(", ") || "your last change";
}

if (notice) {
  notice.querySelector("[data-unsent-send]").addEventListener("click", send);
  notice.querySelector("[data-unsent-drop]").addEventListener("click", () => {
    changes.clear();
    store();
    show();
  });
  addEventListener("online", () => changes.size && send());
  for (const change of JSON.parse(sessionStorage.getItem(KEY) ?? "[]")) {
    if (change.page === location.pathname + location.search) changes.set(change.path, change);
  }
  show();
}

// A form that leaves the page while there is no connection would end on the browser's own error.
document.addEventListener("submit", (event) => {
  if (navigator.onLine || event.defaultPrevented || event.target.matches("[hx-post], [hx-get], [method=dialog]")) return;
  event.preventDefault();
  if (notice) {
    notice.hidden = false;
    notice.querySelector("[data-unsent-words]").textContent = "You are offline. Nothing was sent; what you entered is still here.";
  }
});
