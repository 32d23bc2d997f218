// A window over a long transcript: blocks near the view are loaded, far ones give their room back.

import { lastNotAfter } from "./player.js";
import { ask, Failed, quiet, tell } from "./problems.js";

const NEAR = "1600px";
const FAR = "6000px";
const ATTEMPTS = 3;
const RETRY_MS = 3000;
const CALM = matchMedia("(prefers-reduced-motion: reduce)");
const SCROLL_MS = 140;

export class Transcript {
  constructor(element) {
    this.element = element;
    this.size = Number(element.dataset.size);
    this.blocks = [...element.querySelectorAll("[data-block]")].map((box) => new Block(box));
    this.starts = this.blocks.map((block) => block.start);
    this.spoken = null;
    this.keepsAll = false;
    this.missing = new Set(); // blocks near the view whose request failed
    this.loaded = new EventTarget();
    const first = this.blocks.find((block) => block.isLoaded);
    this.#index(first);
    this.#estimate(first);
    // Heights depend on the width of the column alone.
    let width = element.clientWidth;
    new ResizeObserver(() => {
      if (element.clientWidth === width) return;
      width = element.clientWidth;
      const measure = this.blocks.find((block) => block.isLoaded);
      if (measure) this.#keepPlace(() => this.#estimate(measure));
    }).observe(element);
    this.#watch();
  }

  /** The place where a second is spoken is in view when this resolves. */
  async open(seconds) {
    await this.load(this.blockAt(seconds));
    const word = this.wordAt(seconds);
    if (word) this.bring(word, false);
  }

  blockAt(seconds) {
    return this.blocks[Math.max(0, lastNotAfter(this.starts, seconds))];
  }

  /** The word spoken at this second, if its block is loaded. */
  wordAt(seconds) {
    const block = this.blockAt(seconds);
    if (!block.isLoaded) return null;
    return block.words[lastNotAfter(block.times, seconds)] ?? null;
  }

  /** When the word so many `steps` from the one of this second starts; undefined beyond the ends. */
  async wordStart(seconds, steps) {
    let { number } = this.blockAt(seconds);
    await this.load(this.blocks[number]);
    let at = lastNotAfter(this.blocks[number].times, seconds) + steps;
    while (at < 0 && number > 0) {
      number -= 1;
      await this.load(this.blocks[number]);
      at += this.blocks[number].times.length;
    }
    while (at >= this.blocks[number].times.length && number < this.blocks.length - 1) {
      at -= this.blocks[number].times.length;
      number += 1;
      await this.load(this.blocks[number]);
    }
    return this.blocks[number].times[at];
  }

  /**
   * Load all blocks, and keep them until `releaseFar`; resolves to whether none is missing. One whose
   * request failed or was cut off is requested again.
   */
  async loadAll() {
    this.keepsAll = true;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      await Promise.all(this.blocks.map((block) => this.load(block)));
    }
    return this.blocks.every((block) => block.isLoaded);
  }

  /** Empty the blocks that are far from the view. */
  releaseFar() {
    this.keepsAll = false;
    const far = parseInt(FAR, 10);
    this.#keepPlace(() => {
      for (const block of this.blocks) {
        const { top, bottom } = block.box.getBoundingClientRect();
        if (bottom < -far || top > innerHeight + far) this.#release(block);
      }
    });
  }

  #release(block) {
    if (!block.isLoaded || block.box.contains(document.activeElement)) return;
    if (this.spoken && block.box.contains(this.spoken)) this.spoken = null;
    block.empty();
  }

  /** Mark the word of this second; loads its block when playback runs into it. */
  mark(seconds) {
    const block = this.blockAt(seconds);
    if (!block.isLoaded) this.load(block);
    const word = this.wordAt(seconds);
    if (word === this.spoken) return;
    this.spoken?.classList.remove("spoken");
    word?.classList.add("spoken");
    this.spoken = word;
  }

  /** Scroll so that an element stands in the upper third of the reading space. */
  bring(target, smoothly = true) {
    const top = target.getBoundingClientRect().top;
    const ceiling = document.querySelector("[data-player]")?.getBoundingClientRect().bottom ?? 0;
    const room = innerHeight - ceiling;
    scrollTo(scrollY + top - ceiling - room * 0.25, smoothly);
  }

  /** Whether an element stands where one can read it without scrolling. */
  inView(target) {
    const box = target.getBoundingClientRect();
    const ceiling = document.querySelector("[data-player]")?.getBoundingClientRect().bottom ?? 0;
    return box.top > ceiling + 8 && box.bottom < ceiling + (innerHeight - ceiling) * 0.8;
  }

  async load(block) {
    if (block.isLoaded) return;
    block.loading ??= this.#fetch(block).finally(() => (block.loading = null));
    await block.loading;
  }

  async #fetch(block) {
    const url = this.element.dataset.url.replace(/0\/$/, `${block.number}/`);
    block.abort = new AbortController();
    const { signal } = block.abort;
    let html;
    try {
      html = await (await ask(`${url}?version=${this.element.dataset.version}`, { signal })).text();
    } catch (error) {
      // Its block has left the view.
      if (!signal.aborted) this.#miss(block, error);
      return;
    }
    this.#waitNoMore(block);
    this.#keepPlace(() => block.fill(html));
    this.#index(block);
    this.loaded.dispatchEvent(new CustomEvent("block", { detail: block }));
  }

  // In place of an empty page: the reason, and another attempt while somebody looks at it.
  #miss(block, error) {
    if (this.keepsAll) return; // whoever loads all says so
    this.missing.add(block);
    const isGone = error.status === 404;
    const words = error instanceof Failed ? error.message : "Connection lost."; // on its way
    tell(`Part of the transcript could not be loaded${isGone ? "" : " and is requested again"}. ${words}`, "block");
    if (!isGone) setTimeout(() => (block.isNear ? this.load(block) : this.#waitNoMore(block)), RETRY_MS);
  }

  #waitNoMore(block) {
    this.missing.delete(block);
    if (!this.missing.size) quiet("block");
  }

  #index(block) {
    block.index();
  }

  #watch() {
    const byBox = new Map(this.blocks.map((block) => [block.box, block]));
    const near = new IntersectionObserver(
      (entries) => {
        for (const [target, isIntersecting] of latest(entries)) {
          const block = byBox.get(target);
          block.isNear = isIntersecting;
          if (isIntersecting) this.load(block);
          else if (!this.keepsAll) block.abort?.abort();
        }
      },
      { rootMargin: NEAR },
    );
    const far = new IntersectionObserver(
      (entries) => {
        if (this.keepsAll) return;
        for (const [target, isIntersecting] of latest(entries)) {
          if (!isIntersecting) this.#release(byBox.get(target));
        }
      },
      { rootMargin: FAR },
    );
    for (const { box } of this.blocks) {
      near.observe(box);
      far.observe(box);
    }
  }

  #estimate(measured) {
    const { characters, paragraphs } = measured;
    const words = measured.box.querySelector(".paragraph-words");
    const style = getComputedStyle(words);
    const line = parseFloat(style.lineHeight);
    // A paragraph's last line is half empty on average.
    const around = measured.box.querySelector(".paragraph").offsetHeight - words.offsetHeight;
    const lines = (measured.box.offsetHeight - paragraphs * around) / line - paragraphs / 2;
    const lineCharacters = Math.max(10, characters / Math.max(1, lines));
    for (const block of this.blocks) {
      if (block.isLoaded) continue;
      const guess = (block.characters / lineCharacters + block.paragraphs / 2) * line;
      block.room(guess + block.paragraphs * around);
    }
  }

  // Loading above the view must not move what one reads.
  #keepPlace(change) {
    const seen = this.blocks.find((block) => block.box.getBoundingClientRect().bottom > 0 && block.isLoaded);
    const anchor = seen && [...seen.box.children].find((each) => each.getBoundingClientRect().bottom > 0);
    const before = anchor?.getBoundingClientRect().top;
    change();
    if (!anchor?.isConnected) return;
    const moved = anchor.getBoundingClientRect().top - before;
    if (Math.abs(moved) >= 1) window.scrollBy({ top: moved, behavior: "instant" });
  }
}

// One that left and came back meanwhile, as a window turned twice does, is told twice at once.
function latest(entries) {
  return new Map(entries.map(({ target, isIntersecting }) => [target, isIntersecting]));
}

class Block {
  constructor(box) {
    this.box = box;
    this.number = Number(box.dataset.block);
    this.start = Number(box.dataset.start);
    this.characters = Number(box.dataset.characters);
    this.paragraphs = Number(box.dataset.paragraphs);
    this.isLoaded = !box.classList.contains("waiting");
    this.words = [];
    this.times = [];
    this.loading = null;
    this.abort = null;
    this.isNear = false;
  }

  index() {
    this.words = [...this.box.querySelectorAll("[data-at]")];
    // Channels overlap: their words are not always in order of time.
    this.words.sort((one, other) => one.dataset.at - other.dataset.at);
    this.times = this.words.map((word) => Number(word.dataset.at));
  }

  fill(html) {
    this.box.innerHTML = html; // our own fragment, escaped by the server
    this.box.style.height = "";
    this.box.classList.remove("waiting");
    this.isLoaded = true;
  }

  empty() {
    this.room(this.box.offsetHeight);
    this.box.replaceChildren();
    this.box.classList.add("waiting");
    this.isLoaded = false;
    this.words = this.times = [];
  }

  room(height) {
    this.box.style.height = `${Math.round(height)}px`;
  }
}

let scrolling = 0;

/** Scroll the page there, in a blink. */
export function scrollTo(top, smoothly = true) {
  cancelAnimationFrame(scrolling);
  if (!smoothly || CALM.matches || Math.abs(top - scrollY) > innerHeight) {
    window.scrollTo({ top, behavior: "instant" });
    return;
  }
  const [from, began] = [scrollY, performance.now()];
  const step = (now) => {
    const part = Math.min(1, (now - began) / SCROLL_MS);
    window.scrollTo({ top: from + (top - from) * (1 - (1 - part) ** 3), behavior: "instant" });
    if (part < 1) scrolling = requestAnimationFrame(step);
  };
  scrolling = requestAnimationFrame(step);
}

