// Cost and time of recordings before they are uploaded, by the chosen options.

import { clock } from "./clock.js";
import { confirmed } from "./shell.js";

const LENGTH_MS = 4_000; // a browser that cannot play a file may never say so
const AT_ONCE = 4;
const MOST_MEASURED = 200;

export class Estimate {
  /**
   * `rate()` gives the `price` of an hour of audio in dollars and the `speed` of the server with
   * what is chosen now, or the `problem` for which they are not known. `line` shows them.
   */
  constructor(line, rate) {
    Object.assign(this, { line, rate });
  }

  /** Whether these files are to be uploaded: asks before several that cost money. */
  async accepts(files) {
    if (files.length < 2) {
      this.show();
      return true;
    }
    this.#say("Reading the length of the files…");
    const rate = await this.rate();
    if (!rate.price && !rate.problem) {
      this.show();
      return true;
    }
    const lengths = await measured(files.slice(0, MOST_MEASURED));
    this.show();
    const known = lengths.filter((seconds) => seconds !== null);
    const seconds = known.reduce((sum, each) => sum + each, 0);
    const unknown = files.length - known.length;
    const parts = [];
    if (known.length) parts.push(`${clock(seconds)} of audio${estimated(seconds, rate)}.`);
    if (unknown) parts.push(`The length of ${unknown === 1 ? "one file" : `${unknown} files`} is not known.`);
    if (rate.problem) parts.push(`The cost is not known. ${rate.problem}`);
    return confirmed({ title: `Transcribe ${files.length} files?`, text: parts.join(" "), yes: "Upload" });
  }

  /** Show what an hour of audio costs and takes. */
  async show() {
    const words = estimated(3600, await this.rate());
    this.#say(words && `An hour of audio:${words.slice(1)}.`);
  }

  #say(words) {
    this.line.textContent = words;
    this.line.hidden = !words;
  }
}

function estimated(seconds, { price, speed }) {
  const cost = price ? `, about ${dollars((seconds / 3600) * price)}` : "";
  const time = speed ? `, transcribed in about ${said(seconds * speed)} after the upload` : "";
  return cost + time;
}

/** Lengths in seconds, null of files that this browser cannot read. */
async function measured(files) {
  const lengths = new Array(files.length).fill(null);
  const rest = files.entries();
  const measure = async () => {
    for (const [place, file] of rest) lengths[place] = await lengthOf(file);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, measure));
  return lengths;
}

function lengthOf(file) {
  const media = document.createElement("video"); // it reads the sound of both
  media.preload = "metadata";
  const url = URL.createObjectURL(file);
  return new Promise((resolve) => {
    const end = () => resolve(Number.isFinite(media.duration) ? media.duration : null);
    setTimeout(end, LENGTH_MS);
    media.addEventListener("loadedmetadata", end);
    media.addEventListener("error", end);
    media.src = url;
  }).finally(() => {
    media.removeAttribute("src");
    URL.revokeObjectURL(url);
  });
}

function dollars(amount) {
  return amount < 0.01 ? "less than $0.01" : `$${amount.toFixed(2)}`;
}

function said(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
