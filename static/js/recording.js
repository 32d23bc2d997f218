// A recording's page: the player, the transcript that follows it, and the keys for both.

import { Find } from "./find.js";
import { Player } from "./player.js";
import { typing } from "./shell.js";
import { Transcript } from "./transcript.js";

const DOUBLE_MS = 300;

const playerElement = document.querySelector("[data-player]");
const transcriptElement = document.querySelector("[data-transcript]");
const turns = JSON.parse(document.getElementById("turns")?.textContent ?? "[]");
const player = playerElement && new Player(playerElement, turns);
const transcript = transcriptElement && new Transcript(transcriptElement);

if (player && transcript) connect();
if (player) listenForKeys();
editTitle();

function connect() {
  const follow = playerElement.querySelector("[data-follow]");
  const find = new Find(playerElement.querySelector("[data-find]"), transcript);
  let following = true;

  const setFollowing = (on) => {
    following = on;
    follow.setAttribute("aria-pressed", String(on));
    if (on && transcript.spoken) transcript.bring(transcript.spoken);
  };
  follow.addEventListener("click", async () => {
    if (!following) await transcript.open(player.time);
    setFollowing(!following);
  });

  player.addEventListener("time", () => {
    transcript.mark(player.time);
    const { spoken } = transcript;
    if (following && player.playing && spoken && !transcript.inView(spoken)) transcript.bring(spoken);
  });

  // Whoever scrolls wants to read elsewhere; the switch brings them back.
  const leave = () => player.playing && setFollowing(false);
  addEventListener("wheel", leave, { passive: true });
  addEventListener("touchmove", leave, { passive: true });

  transcriptElement.addEventListener("click", (event) => {
    const target = event.target.closest("[data-at], [data-seek]");
    if (!target || event.ctrlKey || event.metaKey || event.shiftKey) return;
    // A click that ends a selection is for copying, not for hearing.
    if (!target.dataset.seek && !getSelection().isCollapsed) return;
    event.preventDefault();
    player.seek(Number(target.dataset.at ?? target.dataset.seek));
    setFollowing(true);
    player.play();
  });

  let tabbed = -Infinity;
  transcriptElement.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      playerElement.querySelector("[data-play]").focus();
    } else if (event.key === "Tab" && !event.shiftKey && !event.ctrlKey && !event.altKey) {
      event.preventDefault();
      if (event.repeat) return;
      if (event.timeStamp - tabbed < DOUBLE_MS) {
        tabbed = -Infinity;
        player.skip(-3);
        player.play();
      } else {
        tabbed = event.timeStamp;
        player.toggle();
      }
    }
  });

  playerElement.querySelector("[data-find-open]").addEventListener("click", () => find.open());
  addEventListener("keydown", (event) => {
    // Our own search knows the blocks that are not loaded; pressed again it is the browser's.
    if ((event.ctrlKey || event.metaKey) && event.key === "f" && document.activeElement !== find.words) {
      event.preventDefault();
      find.open();
    } else if (plain(event) && event.key === "l") {
      follow.click();
    } else if (plain(event) && event.key === "t") {
      transcriptElement.focus({ preventScroll: true });
    }
  });

  const { openAt } = transcriptElement.dataset;
  if (openAt !== undefined) {
    player.seek(Number(openAt));
    history.scrollRestoration = "manual";
    transcript.open(Number(openAt)).then(() => {
      transcript.mark(Number(openAt));
      transcriptElement.classList.remove("opening");
    });
  }
}

function plain(event) {
  return !event.ctrlKey && !event.metaKey && !event.altKey && !typing(event.target);
}

function listenForKeys() {
  const keys = {
    ArrowLeft: () => player.skip(-5),
    ArrowRight: () => player.skip(5),
    "<": () => player.faster(-1),
    ">": () => player.faster(1),
  };
  addEventListener("keydown", (event) => {
    if (!plain(event)) return;
    const control = event.target.closest("button, summary, a:not([data-seek])");
    if (event.key === " " && !control) {
      event.preventDefault();
      player.toggle();
    } else if (event.key in keys && event.target.closest("input") === null) {
      event.preventDefault();
      keys[event.key]();
    }
  });
}

function editTitle() {
  document.addEventListener("click", (event) => {
    const title = event.target.closest("[data-title]");
    if (!title) return;
    const editing = event.target.closest("[data-title-edit]") !== null;
    if (!editing && !event.target.closest("[data-title-keep]")) return;
    title.querySelector("h1").hidden = editing;
    title.querySelector("[data-title-edit]").hidden = editing;
    title.querySelector("form").hidden = !editing;
    if (editing) title.querySelector("[name=title]").select();
    else title.querySelector("[data-title-edit]").focus();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") event.target.closest("[data-title] form")?.querySelector("[data-title-keep]").click();
  });
}
