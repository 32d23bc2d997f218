// Cost and time of recordings before they are uploaded, by the chosen options.

import { clock } from "./clock.js";
import { confirmed } from "./shell.js";

const LENGTH_MS = 4_000; // a browser that cannot play a file may never say so
const AT_ONCE = 4;
const MOST_MEASURED = 200;

export class Estimate {
  /** `line` shows what an hour of audio costs and takes with what is chosen in `form`. */
  constructor(line, form, options) {
    Object.assign(this, { line, options });
    form.addEventListener("change", () => this.#show());
    this.#show();
  }

  /** Whether these files are to be uploaded: asks before several that cost money. */
  async accepts(files) {
    if (files.length < 2 || !this.options.hourPrice) return true;
    this.line.textContent = "Reading the length of the files…";
    const lengths = await measured(files.slice(0, MOST_MEASURED));
    this.#show();
    const known = lengths.filter((seconds) => seconds !== null);
    const seconds = known.reduce((sum, each) => sum + each, 0);
    const unknown = files.length - known.length;
    const parts = [known.length ? `${clock(seconds)} of audio${this.#cost(seconds)}${this.#time(seconds)}.` : ""];
    if (unknown) parts.push(`The length of ${unknown === 1 ? "one file" : `${unknown} files`} is not known.`);
    return confirmed({ title: `Transcribe ${files.length} files?`, text: parts.join(" ").trim(), yes: "Upload" });
  }

  #show() {
    const hour = 3600;
    const words = `${this.#cost(hour)}${this.#time(hour)}`;
    this.line.textContent = words && `An hour of audio:${words.slice(1)}.`;
    this.line.hidden = !words;
  }

  #cost(seconds) {
    const price = this.options.hourPrice;
    return price ? `, about ${dollars((seconds / 3600) * price)}` : "";
  }

  #time(seconds) {
    const { speed } = this.options.server;
    return speed ? `, transcribed in about ${said(seconds * speed)} after the upload` : "";
  }
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
