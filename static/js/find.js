// Find within the transcript: the server knows every place, the page marks those it shows.

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
    const answer = await fetch(`${findUrl}?${query}`, { signal: this.search.signal }).catch(() => null);
    if (!answer?.ok) return;
    const found = await answer.json();
    this.places = found.places;
    this.total = found.count;
    this.wanted = fold(words.split(/\s+/).join(" "));
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
      this.count.textContent = "nowhere";
      return this.#paint();
    }
    this.count.textContent = `${this.at + 1} of ${this.total}`;
    const [index] = this.places[this.at];
    const place = this.places.slice(0, this.at).filter(([other]) => other === index).length;
    await this.transcript.load(this.transcript.blocks[Math.floor(index / this.transcript.size)]);
    const utterance = this.transcript.element.querySelector(`[data-utterance="${index}"]`);
    this.here = utterance && rangesOf(utterance, this.wanted)[place];
    this.#paint();
    const target = this.here ?? utterance;
    if (target && !this.transcript.inView(target)) this.transcript.bring(target, false);
  }

  #paint() {
    if (!MARKS) return;
    CSS.highlights.delete("found");
    CSS.highlights.delete("found-here");
    if (this.bar.hidden || !this.places.length) return;
    const indexes = new Set(this.places.map(([index]) => index));
    const shown = [...this.transcript.element.querySelectorAll("[data-utterance]")].filter((each) =>
      indexes.has(Number(each.dataset.utterance)),
    );
    CSS.highlights.set("found", new Highlight(...shown.flatMap((each) => rangesOf(each, this.wanted))));
    if (this.here) {
      const here = new Highlight(this.here);
      here.priority = 1;
      CSS.highlights.set("found-here", here);
    }
  }
}

/** Without case and accents, each character one: places stay places. The server folds alike. */
function fold(text) {
  return Array.from(text, (character) => {
    const plain = Array.from(character.normalize("NFD"))[0].toLowerCase();
    return plain.length === character.length ? plain : character;
  }).join("");
}

function rangesOf(element, wanted) {
  const text = fold(element.textContent);
  const ranges = [];
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
    const range = new Range();
    range.setStart(...pointOf(element, at));
    range.setEnd(...pointOf(element, at + wanted.length));
    ranges.push(range);
  }
  return ranges;
}

function pointOf(element, offset) {
  const nodes = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  let left = offset;
  let node = nodes.nextNode();
  while (left > node.length) {
    left -= node.length;
    node = nodes.nextNode();
  }
  return [node, left];
}
