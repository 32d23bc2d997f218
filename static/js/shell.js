// What works on every page: theme, keys, menus, dialogs, polls that rest while nobody looks.

import "./focus.js";
import { ask, isSignIn, NO_RESPONSE, parsed, quiet, reason, tell } from "./problems.js";
import { arrived, keep } from "./unsent.js";

const root = document.documentElement;
const year = 365 * 24 * 3600;

function remember(name, value) {
  const age = value === "" ? 0 : year;
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is not everywhere yet
  document.cookie = `${name}=${encodeURIComponent(value)}; path=/; max-age=${age}; samesite=lax`;
}

// The server says dates in the reader's zone, and the rail's links keep the project chosen last.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
remember("timezone", zone);
// The first page in a zone was made before the server knew of it. Once: the server may not know it.
const shows = document.querySelector("main time, [data-filters]") !== null;
if (shows && root.dataset.timezone !== undefined && root.dataset.timezone !== zone && sessionStorage.getItem("timezone") !== zone) {
  sessionStorage.setItem("timezone", zone);
  location.reload();
}
const project = new URLSearchParams(location.search).get("project");
if (project !== null) remember("project", project);

// The theme belongs to the account; the cookie is for the pages before the sign-in.
function keepTheme(theme) {
  const address = document.body.dataset.themeUrl;
  const token = document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
  if (!address) return;
  const headers = { "X-CSRFToken": token };
  fetch(address, { method: "POST", headers, body: new URLSearchParams({ theme }), keepalive: true }).catch(() => {});
}

for (const button of document.querySelectorAll("[data-theme-choice]")) {
  button.addEventListener("click", () => {
    const theme = button.dataset.themeChoice;
    remember("theme", theme);
    keepTheme(theme);
    if (theme) root.dataset.theme = theme;
    else delete root.dataset.theme;
    for (const other of document.querySelectorAll("[data-theme-choice]")) {
      other.setAttribute("aria-pressed", String(other === button));
    }
    document.dispatchEvent(new Event("themechange"));
  });
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  document.dispatchEvent(new Event("themechange"));
});

// Keys. A page's own keys follow the same rule: none while one types.

export function typing(target) {
  return target.closest("input:not([type=range], [type=checkbox]), textarea, select, dialog[open]") !== null;
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") return closeMenus(null, true);
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (event.key === "/") {
    const search = document.querySelector("[data-main-search]") ?? document.querySelector("[data-quick-search]");
    search?.focus();
    search?.select();
    event.preventDefault();
  } else if (event.key === "?") {
    document.getElementById("keys")?.showModal();
    event.preventDefault();
  }
});

// On a phone the pages of the settings are a row that scrolls: the current one is in view.
document.querySelector(".settings-nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// Menus close when one leaves them.

function closeMenus(except, returnFocus = false) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu === except) continue;
    const held = menu.contains(document.activeElement);
    menu.open = false;
    if (returnFocus && held) menu.querySelector("summary").focus();
  }
}

document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
document.addEventListener("focusin", (event) => closeMenus(event.target.closest("details.menu")));

// One that would reach below the page opens upwards.
document.addEventListener(
  "toggle",
  ({ target: menu }) => {
    const list = menu.matches?.("details.menu") && menu.querySelector(".menu-list:not(.upward)");
    if (!list) return;
    list.classList.remove("flipped");
    const bar = parseFloat(getComputedStyle(root).getPropertyValue("--bar"));
    const fits = list.getBoundingClientRect().bottom < innerHeight - bar;
    list.classList.toggle("flipped", menu.open && !fits && menu.getBoundingClientRect().top > list.offsetHeight);
  },
  true,
);

// Dialogs.

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-open-dialog]");
  if (opener) openDialog(document.getElementById(opener.dataset.openDialog));
  if (event.target instanceof HTMLDialogElement && outside(event.target, event)) event.target.close();
});

/** Open a dialog; the focus returns to its opener when it is closed. */
export function openDialog(dialog) {
  const opener = document.activeElement;
  dialog.showModal();
  const focusAgain = () => {
    const active = document.activeElement;
    if (active !== document.body && !dialog.contains(active)) return;
    // The menu it was opened from is closed by now.
    const place = opener.checkVisibility() ? opener : opener.closest("details.menu")?.querySelector("summary");
    place?.focus();
  };
  dialog.addEventListener("close", focusAgain, { once: true });
}

function outside(dialog, { clientX, clientY }) {
  const box = dialog.getBoundingClientRect();
  return clientX < box.left || clientX > box.right || clientY < box.top || clientY > box.bottom;
}

/** Ask before something that cannot be undone; resolves to whether to do it. */
export function confirmed({ title, text, yes }) {
  const dialog = document.getElementById("confirm");
  dialog.querySelector("h2").textContent = title;
  dialog.querySelector("[data-confirm-text]").textContent = text;
  dialog.querySelector("[data-confirm-yes]").textContent = yes;
  dialog.returnValue = "no";
  openDialog(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

document.addEventListener(
  "submit",
  async (event) => {
    const form = event.target;
    const asked = event.submitter?.dataset.confirm ? event.submitter : form;
    if (!asked.dataset.confirm || form.dataset.agreed) {
      delete form.dataset.agreed;
      return;
    }
    // Before htmx hears of it: capture phase.
    event.preventDefault();
    event.stopPropagation();
    const { confirm: title, confirmText: text, confirmYes: yes } = asked.dataset;
    if (!(await confirmed({ title, text, yes }))) return;
    // A poll may have replaced the row meanwhile, and the form in it.
    const current = form.isConnected ? form : [...document.forms].find((other) => other.isEqualNode(form));
    if (!current) return tell("Nothing was changed: the page has been updated meanwhile. Try again.", "change");
    current.dataset.agreed = "yes";
    current.requestSubmit(current === form ? event.submitter : null);
  },
  true,
);

// A form that is on its way is not sent twice by an impatient second click.

const SENDING_MS = 10_000; // the browser's Stop, after which it may be sent again, fires no event

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || form.matches("[hx-post]")) return;
  if (event.timeStamp - (form.sentAt ?? -Infinity) < SENDING_MS) event.preventDefault();
  else form.sentAt = event.timeStamp;
});
addEventListener("pageshow", () => {
  for (const form of document.forms) form.sentAt = -Infinity;
});

// A file is saved once the server has it: the browser would save the sign-in page under its name.

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[download]");
  if (!link || link.checked) return;
  event.preventDefault();
  try {
    await ask(link.href, { method: "HEAD" });
    quiet("download");
    link.checked = true;
    link.click();
  } catch (error) {
    tell(`Nothing was downloaded. ${error.message}`, "download");
  } finally {
    link.checked = false;
  }
});

// Polls.

document.addEventListener("htmx:configRequest", (event) => {
  if (document.hidden && event.target.matches("[data-poll]")) event.preventDefault();
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const { detail } = event;
  if (!isSignIn(detail.xhr.responseURL)) return;
  detail.shouldSwap = false;
  keep(detail, "signed out");
  // A page that holds what cannot be loaded again, such as chosen files, prevents it.
  if (!document.dispatchEvent(new Event("signedout", { cancelable: true }))) return;
  // What was typed to search or to filter stands in the address to come back to.
  const { elt: form, formData } = detail.requestConfig;
  if (form.matches("form[method=get]")) location.assign(`${form.action}?${new URLSearchParams(formData)}`);
  else location.reload();
});

const offline = document.querySelector("[data-offline]");
document.addEventListener("htmx:sendError", ({ detail }) => {
  if (isRead(detail)) return tell("Connection lost. Nothing was loaded. Try again.", "read");
  if (offline) offline.hidden = false;
  keep(detail, "offline");
});
// A change that the server rejects: its form stays open with what was typed, and the reason is shown.
document.addEventListener("htmx:responseError", ({ detail }) => {
  const { status, responseText } = detail.xhr;
  const id = detail.xhr.getResponseHeader("X-Request-ID");
  const { error, expired } = parsed(responseText);
  if (isRead(detail)) return tell(`Nothing was loaded. ${reason(status, error, id)}`, "read");
  if (detail.requestConfig.verb === "get") {
    if (offline && status >= 500) offline.hidden = false;
    // The page shows what has been deleted, or may no longer be seen: its own error says so.
    if (status === 404) location.reload();
    return;
  }
  if (expired) {
    keep(detail, "signed out");
    location.reload();
    return;
  }
  arrived(detail);
  tell(error ? reason(status, error, id) : `Nothing was changed. ${reason(status, error, id)}`, "change");
});

document.addEventListener("htmx:afterRequest", (event) => {
  const { successful, xhr, requestConfig } = event.detail;
  if (successful && !isSignIn(xhr.responseURL)) arrived(event.detail);
  if (offline && successful) offline.hidden = true;
  if (successful) quiet(requestConfig.verb === "get" ? isRead(event.detail) && "read" : "change");
});

document.addEventListener("htmx:timeout", ({ detail }) => {
  if (isRead(detail)) tell(`Nothing was loaded. ${NO_RESPONSE} Try again.`, "read");
  else if (detail.requestConfig.verb === "get") offline?.removeAttribute("hidden");
  else tell(`${NO_RESPONSE} The change may not have been made: load the page again to see.`, "change");
});

// A request that somebody waits for says so after a second.

const LOADING_MS = 1000;
const loading = document.querySelector("[data-loading]");
const waits = new Map();

document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  if (detail.elt.matches("[data-poll]")) return;
  waits.set(detail.xhr, setTimeout(() => (loading.textContent = "Loading…"), LOADING_MS));
});
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  clearTimeout(waits.get(detail.xhr));
  waits.delete(detail.xhr);
  if (waits.size === 0) loading.textContent = "";
});

// What somebody asked for, such as a search, rather than what the page asks for by itself.
function isRead({ requestConfig: { verb, elt } }) {
  return verb === "get" && !elt.matches("[data-poll]");
}
