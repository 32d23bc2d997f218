// The player: one audio element, a waveform drawn in the speakers' colours, a position slider.

import { clock } from "./clock.js";
import { ask } from "./problems.js";

/** The last place in a sorted list that is not after `value`; -1 when all are. */
export function lastNotAfter(sorted, value) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

export class Player extends EventTarget {
  /** `turns`: [[second, hue, round], ...] of the changes of voice. Fires `time`, `seek` and `playing`. */
  constructor(element, turns = []) {
    super();
    this.element = element;
    this.audio = element.querySelector("[data-audio]");
    this.position = element.querySelector("[data-position]");
    this.duration = Number(element.dataset.duration);
    this.end = Infinity;
    this.wave = new Wave(element, this, turns);
    this.#listen();
    this.#speed(Number(localStorage.getItem("speed")) || 1);
  }

  get time() {
    return this.audio.currentTime;
  }

  get playing() {
    return !this.audio.paused && !this.audio.ended;
  }

  seek(seconds) {
    this.end = Infinity;
    this.audio.currentTime = Math.min(Math.max(0, seconds), this.duration || Infinity);
    this.#show();
    this.dispatchEvent(new Event("seek"));
  }

  /** The waveform is there, and with it the length and the copy that is played from now on. */
  drawn(seconds, hasCopy) {
    const { audio, element } = this;
    if (seconds) this.#measure(seconds);
    if (!hasCopy || audio.src.endsWith("?copy")) return;
    const [time, playing] = [this.time, this.playing];
    element.querySelector("[data-problem]").hidden = element.querySelector("[data-unloaded]").hidden = true;
    document.body.classList.remove("unplayable");
    audio.src = `${audio.src}?copy`;
    audio.currentTime = time;
    if (playing) this.play();
  }

  #measure(seconds) {
    this.duration = seconds;
    this.position.max = String(seconds);
    this.element.querySelector("[data-length]").textContent = clock(seconds);
    this.#show();
  }

  skip(seconds) {
    this.seek(this.time + seconds);
  }

  play() {
    // A rejection (no sound device, not playable) shows itself in the error event.
    this.audio.play().catch(() => {});
  }

  /** Play from one second and stop at another. */
  playPart(start, end) {
    this.seek(start);
    this.end = end;
    this.play();
  }

  toggle() {
    if (this.playing) this.audio.pause();
    else this.play();
  }

  faster(step) {
    const options = [...this.element.querySelector("[data-speed]").options];
    const at = options.findIndex((option) => Number(option.value) === this.audio.playbackRate);
    const next = options[Math.min(options.length - 1, Math.max(0, at + step))];
    this.#speed(Number(next.value));
  }

  #speed(rate) {
    const select = this.element.querySelector("[data-speed]");
    const known = [...select.options].find((option) => Number(option.value) === rate);
    if (!known) return;
    select.value = known.value;
    this.audio.defaultPlaybackRate = this.audio.playbackRate = rate;
    localStorage.setItem("speed", String(rate));
  }

  #listen() {
    const { audio, position, element } = this;
    element.querySelector("[data-play]").addEventListener("click", () => this.toggle());
    for (const button of element.querySelectorAll("[data-skip]")) {
      button.addEventListener("click", () => this.skip(Number(button.dataset.skip)));
    }
    element.querySelector("[data-speed]").addEventListener("change", (event) => {
      this.#speed(Number(event.target.value));
    });
    position.addEventListener("input", () => this.seek(Number(position.value)));
    position.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -5, ArrowDown: -5, ArrowRight: 5, ArrowUp: 5, PageDown: -60, PageUp: 60 };
      if (!(event.key in steps)) return;
      event.preventDefault();
      event.stopPropagation();
      this.skip(steps[event.key]);
    });
    const measure = () => {
      if (!this.duration && Number.isFinite(audio.duration)) this.#measure(audio.duration);
    };
    audio.addEventListener("durationchange", measure);
    audio.addEventListener("error", () => this.#complain());
    // It began to load before this script ran.
    if (audio.error) this.#complain();
    else measure();
    element.querySelector("[data-load-again]").addEventListener("click", () => this.#loadAgain());
    for (const name of ["play", "pause", "ended"]) {
      audio.addEventListener(name, () => {
        element.classList.toggle("playing", this.playing);
        element.querySelector("[data-play]").setAttribute("aria-label", this.playing ? "Pause" : "Play");
        this.dispatchEvent(new Event("playing"));
        this.#follow();
      });
    }
    for (const name of ["seeked", "timeupdate"]) audio.addEventListener(name, () => this.#show());
  }

  // The element says the same of a format it cannot play and of a response that is none of audio.
  async #complain() {
    const { audio, element } = this;
    this.stoppedAt = this.time;
    const words = await problemOf(audio);
    element.querySelector("[data-unloaded]").hidden = !words;
    element.querySelector("[data-unloaded-words]").textContent = `The audio could not be loaded. ${words}`;
    element.querySelector("[data-problem]").hidden = Boolean(words);
    document.body.classList.toggle("unplayable", !words);
  }

  #loadAgain() {
    this.element.querySelector("[data-unloaded]").hidden = true;
    this.audio.load();
    this.audio.currentTime = this.stoppedAt;
  }

  // timeupdate comes four times a second: too rarely for words.
  #follow() {
    if (!this.playing || this.following) return;
    this.following = true;
    const step = () => {
      this.following = this.playing;
      if (!this.playing) return;
      this.#show();
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  #show() {
    if (this.playing && this.time >= this.end) {
      this.end = Infinity;
      this.audio.pause();
    }
    const now = clock(this.time);
    const shown = this.element.querySelector("[data-now]");
    if (shown.textContent !== now) {
      shown.textContent = now;
      this.position.setAttribute("aria-valuetext", `${now} of ${clock(this.duration)}`);
    }
    this.position.value = String(this.time);
    this.wave.draw();
    this.dispatchEvent(new Event("time"));
  }
}

/** Why the audio of an element in error could not be loaded; "" when it was and cannot be played. */
export async function problemOf(audio) {
  try {
    await ask(audio.src, { method: "HEAD" });
  } catch (error) {
    return error.message;
  }
  return audio.error?.code === MediaError.MEDIA_ERR_NETWORK ? "Connection lost." : "";
}

const DRAWING_POLL_MS = 3000;

class Wave {
  constructor(element, player, turns) {
    this.player = player;
    this.starts = turns.map(([start]) => start);
    this.voices = turns.map(([, hue, round]) => ({ hue, round }));
    this.box = element.querySelector("[data-wave-box]");
    this.canvas = element.querySelector("[data-wave]");
    this.hover = element.querySelector("[data-hover]");
    this.drawing = element.querySelector("[data-drawing]");
    this.peaks = new Uint8Array();
    this.loudest = 1;
    this.#colours();
    new ResizeObserver(() => this.#size()).observe(this.canvas);
    document.addEventListener("themechange", () => {
      this.#colours();
      this.draw(true);
    });
    this.#listen();
    this.#load(element.dataset.waveform);
  }

  async #load(url) {
    let response;
    try {
      response = await ask(url);
    } catch ({ message, status }) {
      this.#say(`The waveform could not be loaded. ${message}`);
      if (!status || status >= 500) setTimeout(() => this.#load(url), DRAWING_POLL_MS);
      return;
    }
    // 202: a worker has yet to draw it.
    const waits = response.status === 202;
    this.#say(waits ? "Drawing the waveform" : "");
    if (waits) setTimeout(() => this.#load(url), DRAWING_POLL_MS);
    if (response.status !== 200) return;
    this.peaks = new Uint8Array(await response.arrayBuffer());
    this.player.drawn(Number(response.headers.get("Audio-Seconds")), response.headers.has("Audio-Copy"));
    // Scaled to the loudest: a quiet recording has a waveform as well.
    this.loudest = this.peaks.reduce((loudest, peak) => Math.max(loudest, peak), 1);
    this.draw(true);
  }

  #say(words) {
    this.drawing.textContent = words;
    this.drawing.hidden = !words;
  }

  // The pointer is read here and not by the slider, whose thumb has a width: its ends would stand
  // for other seconds than the label says.
  #listen() {
    const { box } = this;
    box.addEventListener("pointermove", (event) => {
      this.#point(event);
      if (box.hasPointerCapture(event.pointerId)) this.player.seek(this.#secondsAt(event));
    });
    box.addEventListener("pointerleave", () => (this.hover.hidden = true));
    box.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      this.player.position.focus({ preventScroll: true, focusVisible: false });
      box.setPointerCapture(event.pointerId);
      this.player.seek(this.#secondsAt(event));
    });
  }

  #secondsAt({ clientX }) {
    const { left, width } = this.canvas.getBoundingClientRect();
    return Math.min(1, Math.max(0, (clientX - left) / width)) * this.player.duration;
  }

  #colours() {
    // Resolved by the browser: a canvas does not know light-dark().
    const probe = document.createElement("span");
    this.canvas.after(probe);
    const resolve = (name) => {
      probe.style.color = `var(${name})`;
      return getComputedStyle(probe).color;
    };
    this.plain = resolve("--accent");
    this.rest = resolve("--edge");
    this.speakers = Array.from({ length: 8 }, (_, hue) => resolve(`--speaker-${hue}`));
    this.cursor = resolve("--ink");
    probe.remove();
  }

  #size() {
    const ratio = devicePixelRatio || 1;
    this.canvas.width = Math.round(this.canvas.clientWidth * ratio);
    this.canvas.height = Math.round(this.canvas.clientHeight * ratio);
    this.ratio = ratio;
    this.draw(true);
  }

  #point(event) {
    const seconds = this.#secondsAt(event);
    const { clientWidth: width } = this.canvas;
    this.hover.hidden = false;
    this.hover.textContent = clock(seconds);
    const middle = (seconds / (this.player.duration || 1)) * width - this.hover.offsetWidth / 2;
    const left = Math.min(width - this.hover.offsetWidth, Math.max(0, middle));
    this.hover.style.transform = `translateX(${left}px)`;
  }

  /** Draw what changed: nothing while the cursor stands on the same pixel. */
  draw(anew = false) {
    const { canvas, player, ratio } = this;
    if (!canvas.width) return;
    const cursor = Math.round((canvas.width * player.time) / (player.duration || 1));
    if (!anew && cursor === this.drawnAt) return;
    this.drawnAt = cursor;
    const context = canvas.getContext("2d");
    const [step, bar] = [3 * ratio, 2 * ratio];
    const bars = Math.floor(canvas.width / step);
    context.clearRect(0, 0, canvas.width, canvas.height);
    for (let index = 0; index < bars; index += 1) {
      const x = index * step;
      const height = Math.max(2 * ratio, this.#loudest(index / bars, (index + 1) / bars) * canvas.height);
      const turn = lastNotAfter(this.starts, (index / bars) * player.duration);
      const voice = this.voices[turn];
      const colour = voice ? this.speakers[voice.hue] : this.plain;
      context.globalAlpha = x < cursor ? 1 : 0.42;
      context.fillStyle = this.peaks.length ? colour : this.rest;
      const top = (canvas.height - height) / 2;
      context.fillRect(x, top, bar, height);
      // A hue that is used again has gaps in its bars: one for the second round, two for the third.
      for (let gap = 1; gap <= (voice?.round ?? 0); gap += 1) {
        context.clearRect(x, top + (height * gap) / (voice.round + 1) - ratio, bar, 2 * ratio);
      }
    }
    context.globalAlpha = 1;
    context.fillStyle = this.cursor;
    context.fillRect(Math.min(cursor, canvas.width - bar), 0, bar, canvas.height);
  }

  #loudest(from, to) {
    const { peaks } = this;
    const first = Math.floor(from * peaks.length);
    const last = Math.max(first + 1, Math.floor(to * peaks.length));
    let loudest = 0;
    for (let index = first; index < last && index < peaks.length; index += 1) {
      if (peaks[index] > loudest) loudest = peaks[index];
    }
    return loudest / this.loudest;
  }
}
