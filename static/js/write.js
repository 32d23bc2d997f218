// One dialog of the live page for all that is written: a correction, a note, the name of a speaker.

import { clock } from "./captions.js";

const dialog = document.getElementById("write");
const find = (name) => dialog.querySelector(`[data-write${name}]`);
const text = document.getElementById("write-text");

const PLACES = "[data-caption], [data-speaker]";
const STEPS = { ArrowUp: -1, ArrowDown: 1, Home: Number.NEGATIVE_INFINITY, End: Number.POSITIVE_INFINITY };

let save = null;

// `send` gives a message to the server and returns whether it could; `stay` keeps the page where it is, or not.
export class Writing {
  constructor(captions, send, stay) {
    this.captions = captions;
    this.send = send;
    this.stay = stay;
    captions.list.addEventListener("click", ({ target }) => getSelection().isCollapsed && this.change(target));
    captions.list.addEventListener("keydown", (event) => this.press(event));
    find("-close").addEventListener("click", () => dialog.close());
    find("").addEventListener("submit", (event) => {
      const sent = this.send(save(text.value));
      find("-problem").textContent = "No connection. Save it again in a moment.";
      find("-problem").hidden = sent;
      if (!sent) event.preventDefault();
    });
    text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) find("").requestSubmit();
    });
  }

  change(target) {
    const words = target.closest("[data-caption]");
    const name = target.closest("[data-speaker]");
    if (words) this.correct(Number(words.dataset.caption));
    else if (name) this.name(Number(name.dataset.speaker));
  }

  // Arrows go through the names and captions, Enter is a click on one.
  press(event) {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    if (key === "Enter" && target.matches(PLACES)) {
      event.preventDefault();
      this.change(target);
    } else if (key in STEPS && (target === this.captions.list || target.matches(PLACES))) {
      event.preventDefault();
      this.go(target, STEPS[key]);
    }
  }

  go(from, step) {
    const places = [...this.captions.list.querySelectorAll(PLACES)];
    const last = places.length - 1;
    if (last < 0) return;
    const now = places.includes(from) ? places.indexOf(from) : last + 1;
    const next = Math.max(0, Math.min(last, now + step));
    this.stay(next < last);
    places[next].tabIndex = -1;
    places[next].focus();
  }

  correct(index) {
    const known = this.captions.shown.get(index);
    if (known?.caption.kind !== "text") return;
    open("Correct this caption", known.caption.recognised ? `Recognised: ${known.caption.recognised}` : "Text", known.caption.text);
    save = (typed) => ({ type: "Correct", index, text: typed });
  }

  correctNewest() {
    const newest = [...this.captions.shown.values()].at(-1);
    if (newest) this.correct(newest.caption.index);
  }

  name(speaker) {
    open("Name this speaker", "Name (empty: by number)", this.captions.names[speaker] ?? "");
    save = (typed) => ({ type: "Name", speaker, name: typed });
  }

  note(at) {
    open(`Note at ${clock(at)}`, "Only the team sees it", "");
    save = (typed) => ({ type: "Note", at, text: typed });
  }
}

function open(title, label, value) {
  find("-title").textContent = title;
  find("-label").textContent = label;
  find("-problem").hidden = true;
  text.value = value;
  dialog.showModal();
  text.select();
}

export class Notes {
  constructor(list) {
    this.list = list;
    this.known = new Set();
  }

  add({ number, at, text: words }) {
    if (this.known.has(number)) return;
    this.known.add(number);
    const item = document.createElement("li");
    const time = document.createElement("time");
    time.className = "soft";
    time.textContent = clock(at);
    const said = document.createElement("span");
    said.textContent = words;
    item.append(time, said);
    this.list.append(item);
    this.list.hidden = false;
  }
}
