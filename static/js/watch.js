// The captions of a session for those who have its link: on a page, a full screen or over a video.

import { Captions } from "./captions.js";
import { Link } from "./link.js";

const root = document.querySelector("[data-watch]");
const find = (name) => root.querySelector(`[data-${name}]`);
const captions = new Captions(find("captions"), { speakers: root.dataset.speakers === "yes" });
const state = find("state");
const followButton = find("follow");
const isOverlay = root.dataset.view === "overlay";
let epoch = "";
let follows = true;

const link = new Link(() => {
  const query = new URLSearchParams({ epoch, after: captions.sequence });
  return `${root.dataset.watch}?${query}`;
});

dress();
link.addEventListener("message", ({ data }) => receive(data));
link.addEventListener("down", ({ words, seconds }) => say(`${words} Trying again in ${seconds} s.`));
link.addEventListener("close", ({ words }) => {
  if (words) blank(words);
});
link.connect();

function receive(message) {
  if (message.type === "Start") {
    if (message.after === 0) captions.reset();
    epoch = message.epoch;
    say("");
  } else if (message.type === "Caption") {
    captions.add(message);
    keepUp();
  } else if (message.type === "Interim") {
    captions.showInterim(message.parts);
    keepUp();
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
  followButton.hidden = true;
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
  find("announce").addEventListener("click", ({ currentTarget }) => {
    const on = currentTarget.getAttribute("aria-pressed") !== "true";
    currentTarget.setAttribute("aria-pressed", String(on));
    captions.list.setAttribute("aria-live", on ? "polite" : "off");
  });
  addEventListener("scroll", () => setFollow(atEnd()), { passive: true });
  followButton.addEventListener("click", () => {
    setFollow(true);
    keepUp();
  });
  stayAwake();
  document.addEventListener("visibilitychange", stayAwake);
}

function atEnd() {
  return document.documentElement.scrollHeight - scrollY - innerHeight < 120;
}

function setFollow(on) {
  follows = on;
  followButton.hidden = on;
}

function keepUp() {
  const list = captions.list;
  if (root.dataset.limited === "true") list.scrollTop = list.scrollHeight;
  else if (follows) scrollTo({ top: document.documentElement.scrollHeight });
}

async function stayAwake() {
  if (!document.hidden && "wakeLock" in navigator) await navigator.wakeLock.request("screen").catch(() => null);
}
