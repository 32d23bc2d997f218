// A call that has ended: its messages, joined to its audio.

import { Player } from "./player.js";
import { ask } from "./problems.js";
import { Wire } from "./wire.js";

const page = document.querySelector("[data-record]");
const playerElement = document.querySelector("[data-player]");
const player = playerElement && new Player(playerElement);
const wire = new Wire(page.querySelector("[data-wire]"));

wire.addEventListener("open", ({ at }) => player?.seek(at));
load();

async function load() {
  try {
    const response = await ask(page.dataset.record);
    const text = await response.text();
    for (const line of text.split("\n")) if (line) wire.add(JSON.parse(line));
    // Shown with its first rows, which would move the rest of it.
    requestAnimationFrame(() => (page.querySelector("[data-messages-box]").hidden = false));
  } catch ({ message }) {
    const problem = page.querySelector("[data-problem-words]");
    problem.textContent = `The messages could not be loaded. ${message}`;
    problem.hidden = false;
  }
}
