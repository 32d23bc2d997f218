// Find within the transcript: the server knows every place, the page marks those it shows.

import { ask, quiet, tell } from "./problems.js";

const PAUSE_MS = 150;
const MARKS = typeof Highlight === "function" && CSS.highlights;

export class Find {
  constructor(bar, transcript) {
    this.bar = bar;
    this.transcript = transcript;
    this.words = bar.querySelector("[data-find-words]");
    this.count = bar.querySelector("[data-find-count]");
    this.places = [];
    this.at = -1;
    this.words.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.#look(), PAUSE_MS);
    });
    bar.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#step(event.submitter?.dataset.findStep === "-1" ? -1 : 1);
    });
    this.words.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
      if (event.key === "Enter" && event.shiftKey) {
        event.preventDefault();
        this.#step(-1);
      }
    });
    bar.querySelector('[data-find-step="-1"]').addEventListener("click", () => this.#step(-1));
    bar.querySelector("[data-find-close]").addEventListener("click", () => this.close());
    transcript.loaded.addEventListener("block", () => this.#paint());
  }

  open() {
    this.bar.hidden = false;
    this.words.focus();
    this.words.select();
    if (this.words.value) this.#look();
  }

  close() {
    this.bar.hidden = true;
    this.places = [];
    this.count.textContent = "";
    this.#paint();
    this.transcript.element.focus({ preventScroll: true });
  }

  async #look() {
    const words = this.words.value.trim();
    this.search?.abort();
    this.search = new AbortController();
    if (!words) {
      this.places = [];
      this.count.textContent = "";
      return this.#paint();
    }
    const { findUrl, version } = this.transcript.element.dataset;
    const query = new URLSearchParams({ q: words, version });
    let found;
    try {
      found = await (await ask(`${findUrl}?${query}`, { signal: this.search.signal })).json();
    } catch (error) {
      if (error.name === "AbortError") return; // other words were typed meanwhile
      this.places = [];
      this.count.textContent = "";
      this.#paint();
      return tell(`Nothing was searched. ${error.message}`, "find");
    }
    quiet("find");
    this.places = found.places;
    this.total = found.count;
    // The first place from where one reads, else the first of all.
    const reading = this.transcript.blocks.findIndex((block) => block.box.getBoundingClientRect().bottom > 0);
    const from = this.places.findIndex(([index]) => index >= reading * this.transcript.size);
    this.at = this.places.length ? Math.max(0, from) : -1;
    await this.#show();
  }

  async #step(step) {
    if (!this.places.length) return;
    this.at = (this.at + step + this.places.length) % this.places.length;
    await this.#show();
  }

  async #show() {
    if (this.at < 0) {
      this.count.textContent = "No matches";
      return this.#paint();
    }
    this.count.textContent = `${this.at + 1} of ${this.total}`;
    const place = this.places[this.at];
    const [first, , last] = place;
    for (const index of new Set([first, last])) await this.transcript.load(this.#blockOf(index));
    [this.here] = this.#rangesOf(place);
    this.#paint();
    const target = this.here ?? this.#utterance(first);
    if (target && !this.transcript.inView(target)) this.transcript.bring(target, false);
  }

  #blockOf(index) {
    return this.transcript.blocks[Math.floor(index / this.transcript.size)];
  }

  #utterance(index) {
    return this.transcript.element.querySelector(`[data-utterance="${index}"]`);
  }

  #paint() {
    if (!MARKS) return;
    CSS.highlights.delete("found");
    CSS.highlights.delete("found-here");
    if (this.bar.hidden || !this.places.length) return;
    const loaded = this.places.filter(([first, , last]) =>
      [first, last].some((index) => this.#blockOf(index).isLoaded),
    );
    CSS.highlights.set("found", new Highlight(...loaded.flatMap((place) => this.#rangesOf(place))));
    const here = new Highlight(...this.#rangesOf(this.places[this.at]));
    here.priority = 1;
    CSS.highlights.set("found-here", here);
  }

  /** A place as ranges, one an utterance: between two of them stands who speaks. */
  #rangesOf([first, start, last, end]) {
    const ranges = [];
    for (let index = first; index <= last; index += 1) {
      const utterance = this.#utterance(index);
      if (!utterance) continue;
      const range = new Range();
      range.setStart(...pointOf(utterance, index === first ? start : 0));
      range.setEnd(...pointOf(utterance, index === last ? end : utterance.textContent.length));
      ranges.push(range);
    }
    return ranges;
  }
}

/** Where a character of an element's text is: its node and the place in it. */
function pointOf(element, offset) {
  const nodes = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  let left = offset;
  let node = nodes.nextNode();
  while (left > node.length) {
    left -= node.length;
    const next = nodes.nextNode();
    if (!next) return [node, node.length];
    node = next;
  }
  return [node, left];
}
