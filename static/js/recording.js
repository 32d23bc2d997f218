// A recording's page: the player, the transcript that follows it, and the keys for both.

import { Find } from "./find.js";
import { Player } from "./player.js";
import { quiet, tell } from "./problems.js";
import { openDialog, typing } from "./shell.js";
import { Transcript } from "./transcript.js";

// Within so many seconds of its start, "the previous turn" is the one before it.
const TURN_START_SECONDS = 1;

const playerElement = document.querySelector("[data-player]");
const transcriptElement = document.querySelector("[data-transcript]");
const turns = JSON.parse(document.getElementById("turns")?.textContent ?? "[]");
const player = playerElement && new Player(playerElement, turns);
const transcript = transcriptElement && new Transcript(transcriptElement);

const here = player && transcript ? connect() : null;
if (player) listenForKeys();
editInPlace();
askAgain();
if (here) tellAbout(here);

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
  // Also while paused the text follows to the new position, whose block may have to be loaded.
  player.addEventListener("seek", () => following && reach(player.time));

  const reach = async (seconds) => {
    await transcript.load(transcript.blockAt(seconds));
    if (player.time !== seconds && !player.playing) return; // moved on meanwhile
    transcript.mark(player.time);
    const { spoken } = transcript;
    if (spoken && !transcript.inView(spoken)) transcript.bring(spoken);
  };

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

  const jump = (seconds) => {
    if (seconds === undefined) return;
    setFollowing(true);
    player.seek(seconds);
  };
  const steps = {
    "[": () => jump(turnStarts().findLast((start) => start < player.time - TURN_START_SECONDS) ?? 0),
    "]": () => jump(turnStarts().find((start) => start > player.time + 0.01)),
    ",": async () => jump(await transcript.wordStart(player.time, -1)),
    ".": async () => jump(await transcript.wordStart(player.time, 1)),
  };
  // Where one voice speaks, its paragraphs are the turns.
  const turnStarts = () =>
    turns.length > 1
      ? turns.map(([start]) => start)
      : [...transcriptElement.querySelectorAll("[data-seek]")].map(({ dataset }) => Number(dataset.seek));

  playerElement.querySelector("[data-find-open]").addEventListener("click", () => find.open());
  addEventListener("keydown", (event) => {
    // Our own search knows the blocks that are not loaded; pressed again it is the browser's.
    if ((event.ctrlKey || event.metaKey) && event.key === "f" && document.activeElement !== find.words) {
      event.preventDefault();
      find.open();
    } else if ((event.ctrlKey || event.metaKey) && event.key === "p") {
      event.preventDefault();
      printAll();
    } else if (plain(event) && event.key in steps) {
      event.preventDefault();
      steps[event.key]();
    } else if (plain(event) && event.key === "l") {
      follow.click();
    } else if (plain(event) && event.key === "t") {
      transcriptElement.focus({ preventScroll: true });
    }
  });

  // All of it, not only the blocks near the view.
  const printProblem = document.querySelector("[data-print-problem]");
  const printAll = async () => {
    const complete = await transcript.loadAll();
    printProblem.hidden = complete;
    if (complete) print();
    else transcript.releaseFar();
  };
  document.querySelector("[data-print]").addEventListener("click", printAll);
  addEventListener("afterprint", () => transcript.releaseFar());

  /** Bring a second into view and hear it. */
  const go = async (seconds) => {
    player.seek(seconds);
    player.play();
    await transcript.open(seconds);
    transcript.mark(seconds);
    setFollowing(true);
  };

  const { openAt } = transcriptElement.dataset;
  if (openAt !== undefined) {
    player.seek(Number(openAt));
    history.scrollRestoration = "manual";
    transcript.open(Number(openAt)).then(() => {
      transcript.mark(Number(openAt));
      transcriptElement.classList.remove("opening");
    });
  }
  return { go, stay: () => setFollowing(false) };
}

// What stands beside the transcript: each thing leads to its place in it.
function tellAbout({ go, stay }) {
  const about = document.querySelector(".about");
  // Rows to open where there is no room beside the transcript; all open where there is.
  const wide = matchMedia("(min-width: 1200px)");
  const unfold = () => {
    for (const part of about.querySelectorAll("[data-about]")) part.open = wide.matches;
  };
  wide.addEventListener("change", unfold);
  unfold();

  about.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    const link = event.target.closest("[data-go]");
    const chart = event.target.closest("[data-mood]");
    const sample = event.target.closest("[data-sample]");
    if (link) {
      event.preventDefault();
      // Clicked again, it leads to the next of its places.
      const places = link.dataset.go.trim().split(" ").map(Number);
      const at = (Number(link.dataset.at ?? -1) + 1) % places.length;
      link.dataset.at = String(at);
      go(places[at]);
    } else if (chart) {
      const { left, width } = chart.getBoundingClientRect();
      go(((event.clientX - left) / width) * player.duration);
    } else if (sample) {
      stay();
      player.playPart(Number(sample.dataset.sample), Number(sample.dataset.sampleEnd));
    }
  });

  player.addEventListener("time", () => {
    const now = about.querySelector("[data-mood-now]");
    const x = String((100 * player.time) / (player.duration || 1));
    now?.setAttribute("x1", x);
    now?.setAttribute("x2", x);
  });

  // A name is given once and stands everywhere, in blocks of the browser's cache too.
  const rename = (within) => {
    const names = new Map(
      [...about.querySelectorAll("[data-talker]")].map(({ dataset }) => [dataset.talker, dataset.name]),
    );
    for (const each of within.querySelectorAll("[data-voice]")) {
      each.textContent = names.get(each.dataset.voice) ?? each.textContent;
    }
  };
  transcript.loaded.addEventListener("block", ({ detail: block }) => rename(block.box));

  // Where there is no room beside the transcript it stands above, and must not push what one reads.
  let before = 0;
  about.addEventListener("htmx:beforeSwap", () => {
    before = transcriptElement.getBoundingClientRect().top;
  });
  about.addEventListener("htmx:afterSwap", () => {
    const after = transcriptElement.getBoundingClientRect().top;
    if (before < 0 && after !== before) window.scrollBy({ top: after - before, behavior: "instant" });
    rename(transcriptElement);
  });
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

// A text that is changed where it stands: what is shown gives way to a form.
function editInPlace() {
  document.addEventListener("click", (event) => {
    const box = event.target.closest("[data-edit]");
    const editing = event.target.closest("[data-edit-open]") !== null;
    if (!box || (!editing && !event.target.closest("[data-edit-keep]"))) return;
    for (const each of box.querySelectorAll("[data-edit-shown]")) each.hidden = editing;
    box.querySelector("form").hidden = !editing;
    if (editing) box.querySelector("[data-edit-field]").select();
    else box.querySelector("[data-edit-open]").focus();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") event.target.closest("[data-edit] form")?.querySelector("[data-edit-keep]").click();
  });
}

// The dialog to transcribe again, filled with the options of the newest transcript. Few visits need
// it: the script of the options is loaded when it is first opened.
function askAgain() {
  const form = document.querySelector("[data-again]");
  if (!form) return;
  const dialog = form.closest("dialog");
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  let filled = false;
  const open = async () => {
    const script = await import("./options.js").catch(() => null);
    if (!script) return tell("The options could not be loaded. Load the page again.", "again");
    quiet("again");
    if (dialog.open) return; // by the first of two clicks
    if (!filled) new script.Options(form, read("offers"), read("given"));
    filled = true;
    openDialog(dialog);
    form.elements.language.focus(); // else the scrolled form takes it on a phone
  };
  document.addEventListener("click", (event) => event.target.closest("[data-open-again]") && open());
  form.querySelector("[data-again-cancel]").addEventListener("click", () => dialog.close());
  // Rows of the library lead here; a form with an error comes back as it was entered.
  if (location.hash === "#again" || form.querySelector("[data-again-problem]")) open();
}
