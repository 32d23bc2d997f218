// What works on every page: theme, keys, menus, dialogs, polls that rest while nobody looks.

import "./focus.js";
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
if (shows && root.dataset.timezone !== zone && sessionStorage.getItem("timezone") !== zone) {
  sessionStorage.setItem("timezone", zone);
  location.reload();
}
const project = new URLSearchParams(location.search).get("project");
if (project !== null) remember("project", project);

for (const button of document.querySelectorAll("[data-theme-choice]")) {
  button.addEventListener("click", () => {
    const theme = button.dataset.themeChoice;
    remember("theme", theme);
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

function openDialog(dialog) {
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
    form.dataset.agreed = "yes";
    form.requestSubmit(event.submitter);
  },
  true,
);

// Polls.

document.addEventListener("htmx:configRequest", (event) => {
  if (document.hidden && event.target.matches("[data-poll]")) event.preventDefault();
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const responded = event.detail.xhr.responseURL;
  if (responded && new URL(responded).pathname === "/sign-in/") {
    event.detail.shouldSwap = false;
    keep(event.detail, "signed out");
    // A page that holds what cannot be loaded again, such as chosen files, prevents it.
    if (document.dispatchEvent(new Event("signedout", { cancelable: true }))) location.reload();
  }
});

const offline = document.querySelector("[data-offline]");
document.addEventListener("htmx:sendError", (event) => {
  if (offline) offline.hidden = false;
  keep(event.detail, "offline");
});
// A change that the server rejects: its form stays open with what was typed, and the reason is shown.
const failed = document.querySelector("[data-failed]");
failed?.querySelector("[data-failed-close]").addEventListener("click", () => (failed.hidden = true));
document.addEventListener("htmx:responseError", ({ detail }) => {
  if (detail.requestConfig.verb === "get") {
    if (offline && detail.xhr.status >= 500) offline.hidden = false;
    return;
  }
  const { error, expired } = parsed(detail.xhr.responseText);
  const id = detail.xhr.getResponseHeader("X-Request-ID");
  if (expired) {
    keep(detail, "signed out");
    location.reload();
    return;
  }
  arrived(detail);
  const reason = error ?? `Nothing was changed: the server responded with status ${detail.xhr.status}.`;
  failed.querySelector("[data-failed-words]").textContent = id ? `${reason} Request id: ${id}` : reason;
  failed.hidden = false;
});

function parsed(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {}; // a proxy's page
  }
}

document.addEventListener("htmx:afterRequest", (event) => {
  const { successful, xhr } = event.detail;
  if (successful && new URL(xhr.responseURL || location).pathname !== "/sign-in/") arrived(event.detail);
  if (offline && successful) offline.hidden = true;
  if (successful && event.detail.requestConfig.verb !== "get") failed.hidden = true;
});
