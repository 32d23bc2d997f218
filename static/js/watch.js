// The captions of a session for those who have its link: on a page, a full screen or over a video.

import { Captions } from "./captions.js";
import { Link } from "./link.js";
import { Reading } from "./reading.js";

const root = document.querySelector("[data-watch]");
const find = (name) => root.querySelector(`[data-${name}]`);
const captions = new Captions(find("captions"), { speakers: root.dataset.speakers === "yes" });
const state = find("state");
const isOverlay = root.dataset.view === "overlay";

const link = new Link(() => {
  const query = new URLSearchParams({ epoch: captions.epoch, after: captions.sequence });
  return `${root.dataset.watch}?${query}`;
});

dress();
const reading = new Reading(root, captions.list);
captions.grown = () => reading.keepUp();
link.addEventListener("message", ({ data }) => receive(data));
link.addEventListener("down", ({ words, seconds }) => say(`${words} Trying again in ${seconds} s.`));
link.addEventListener("close", ({ words }) => {
  if (words) blank(words);
});
link.connect();

function receive(message) {
  if (captions.take(message)) {
    if (message.type === "Start") say("");
  } else if (message.type === "Progress") {
    say(message.lag ? `Captions are ${message.lag} s behind` : "");
  } else if (message.type === "Ended") {
    link.close();
    blank("The session has ended.");
  }
}

// Nothing of what was said stays on a screen.
function blank(words) {
  captions.reset();
  say(words);
}

function say(words) {
  state.textContent = isOverlay ? "" : words;
}

function dress() {
  const { view, size, lines, color, background } = root.dataset;
  document.documentElement.dataset.view = view;
  const style = document.documentElement.style;
  if (size) style.setProperty("--captions-size", `${size}px`);
  if (lines) style.setProperty("--captions-lines", lines);
  if (color) style.setProperty("--captions-color", color);
  if (background) style.setProperty("--captions-background", background);
  root.dataset.limited = String(isOverlay || lines !== "");
  find("full-screen").addEventListener("click", () => {
    if (document.fullscreenElement) document.exitFullscreen();
    else document.documentElement.requestFullscreen();
  });
  stayAwake();
  document.addEventListener("visibilitychange", stayAwake);
}

async function stayAwake() {
  if (!document.hidden && "wakeLock" in navigator) await navigator.wakeLock.request("screen").catch(() => null);
}
