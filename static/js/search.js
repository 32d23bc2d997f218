// The search page: arrows walk through the places, Space plays one where it stands.

import { problemOf } from "./player.js";
import { quiet, tell } from "./problems.js";
import { typing } from "./shell.js";

// A breath before the word, and a moment after the last one.
const LEAD_SECONDS = 0.3;
const TAIL_SECONDS = 0.4;

const form = document.querySelector("[data-search]");
const words = document.querySelector("[data-main-search]");
const results = document.querySelector("[data-results]");
const audio = document.querySelector("[data-hit-audio]");
let playing = null;

// The cursor belongs behind the words, not before them.
words.setSelectionRange(words.value.length, words.value.length);

form.addEventListener("htmx:configRequest", (event) => {
  for (const [name, value] of [...event.detail.formData.entries()]) {
    if (value === "") event.detail.formData.delete(name);
  }
});

function stop() {
  audio.pause();
  playing?.classList.remove("playing");
  playing?.querySelector("[data-hit-play]").setAttribute("aria-pressed", "false");
  playing = null;
}

function hear(hit) {
  const again = hit === playing;
  stop();
  if (again) return;
  playing = hit;
  hit.classList.add("playing");
  hit.querySelector("[data-hit-play]").setAttribute("aria-pressed", "true");
  const url = new URL(hit.dataset.audio, location).href;
  if (audio.src !== url) audio.src = url;
  if (audio.error) audio.load();
  audio.currentTime = Math.max(0, Number(hit.dataset.start) - LEAD_SECONDS);
  audio.play().catch(() => {});
}

audio.addEventListener("timeupdate", () => {
  if (playing && audio.currentTime > Number(playing.dataset.end) + TAIL_SECONDS) stop();
});
audio.addEventListener("ended", stop);
audio.addEventListener("error", async () => {
  if (!playing) return;
  stop();
  const reason = (await problemOf(audio)) || "This browser cannot play it.";
  tell(`The audio could not be played. ${reason}`, "audio");
});
audio.addEventListener("playing", () => quiet("audio"));

results.addEventListener("click", (event) => {
  const button = event.target.closest("[data-hit-play]");
  if (button) hear(button.closest("[data-hit]"));
});

results.addEventListener("htmx:beforeSwap", (event) => {
  if (event.target === results) stop();
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const hit = event.target.closest("[data-hit]");
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    if (!hit && event.target !== words) return;
    const links = [...results.querySelectorAll("[data-hit-link]")];
    const at = hit ? links.indexOf(hit.querySelector("[data-hit-link]")) : -1;
    const next = at + (event.key === "ArrowDown" ? 1 : -1);
    event.preventDefault();
    if (next < 0) words.focus();
    else links[next]?.focus();
  } else if (event.key === " " && hit && !typing(event.target) && !event.target.closest("button")) {
    event.preventDefault();
    hear(hit);
  }
});
