// The focus stays at its place when htmx replaces or removes the element that has it.

const FOCUSABLE = "a[href], button, input, select, summary, textarea";

let kept = null;

function note(target) {
  const active = document.activeElement;
  if (!(target instanceof Element) || !target.contains(active)) return;
  const edited = active.closest("[data-edit]");
  kept = {
    id: target.id,
    label: label(active),
    edited: edited && boxes(target).indexOf(edited),
    inMenu: active.closest("details.menu") !== null,
    before: target.previousElementSibling,
    parent: target.parentElement,
  };
  // Events are dispatched within the swap: this runs when it is done.
  queueMicrotask(restore);
}

function restore() {
  const active = document.activeElement;
  const place = kept;
  kept = null;
  if (!place || (active && active !== document.body && active.isConnected)) return;
  const box = place.id && document.getElementById(place.id);
  (box ? within(box, place) : beside(place)).focus({ preventScroll: true });
}

// The same control; of a form that was closed the button that opened it, of a menu its own.
function within(box, { label: name, edited, inMenu }) {
  const all = controls(box);
  const opener = edited === null ? null : boxes(box)[edited]?.querySelector("[data-edit-open]");
  const menu = inMenu ? box.querySelector("details.menu > summary") : null;
  return all.find((each) => label(each) === name) ?? opener ?? menu ?? first(box);
}

// What is there instead: the next row, the first of those that were added, else the row before.
function beside({ before, parent }) {
  const now = before?.isConnected ? before.nextElementSibling : parent?.firstElementChild;
  const near = [now, before].find((each) => each?.isConnected && controls(each).length);
  return near ? first(near) : document.getElementById("main");
}

function first(box) {
  const control = box.querySelector("[data-row-link]") ?? controls(box)[0];
  if (!control) box.tabIndex = -1;
  return control ?? box;
}

function controls(box) {
  return [...box.querySelectorAll(FOCUSABLE)].filter((each) => !each.disabled && each.checkVisibility());
}

function boxes(box) {
  return box.matches("[data-edit]") ? [box] : [...box.querySelectorAll("[data-edit]")];
}

function label(control) {
  return `${control.tagName} ${control.getAttribute("aria-label") ?? control.textContent.trim()}`;
}

document.addEventListener("htmx:beforeSwap", ({ detail }) => note(detail.target));
document.addEventListener("htmx:oobBeforeSwap", ({ detail }) => note(detail.target));
