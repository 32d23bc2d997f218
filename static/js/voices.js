// Samples of voices: one plays at a time, a second press stops it.

import { ask, tell } from "./problems.js";

let player = null;
let playing = null;

async function listen(button) {
  const isPlaying = button === playing;
  stop();
  if (isPlaying) return;
  playing = button;
  show(button, true);
  try {
    // Fetched, not given to the player as an address: its errors have no words.
    const response = await ask(button.dataset.sample);
    const sound = URL.createObjectURL(await response.blob());
    if (playing !== button) return URL.revokeObjectURL(sound);
    player = new Audio(sound);
    player.addEventListener("ended", stop);
    await player.play();
  } catch (error) {
    if (playing !== button || error.name === "AbortError") return;
    stop();
    tell(error.message);
  }
}

function stop() {
  if (player) {
    player.pause();
    URL.revokeObjectURL(player.src);
  }
  if (playing) show(playing, false);
  player = playing = null;
}

function show(button, isPlaying) {
  button.setAttribute("aria-pressed", isPlaying);
  button.querySelector("[data-sample-words]").textContent = isPlaying ? "Stop" : "Play";
}

for (const button of document.querySelectorAll("[data-sample]")) {
  button.addEventListener("click", () => listen(button));
}
