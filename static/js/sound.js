// Raw audio that is played as it arrives.

const RATE = 24000; // of `transcripts/clips/speaking.py` and `transcripts/calls/tracks.py`
const LEAD_SECONDS = 0.08; // for the first piece: a shorter one is heard as a stutter

/** Plays 16-bit little-endian PCM of one channel, piece after piece, until it is cleared. */
export class Loudspeaker extends EventTarget {
  constructor() {
    super();
    // In the rate of the audio: pieces that are resampled one by one would crackle.
    this.context = new AudioContext({ sampleRate: RATE });
    this.gain = this.context.createGain();
    this.gain.connect(this.context.destination);
    this.sources = new Set();
    this.at = 0;
    this.odd = null;
  }

  get isPlaying() {
    return this.sources.size > 0;
  }

  set volume(value) {
    this.gain.gain.value = value;
  }

  /** Returns whether anything was played; fires "dry" once everything was. */
  play(buffer) {
    const samples = this.#samples(new Uint8Array(buffer));
    if (!samples.length || this.context.state === "closed") return false;
    const piece = this.context.createBuffer(1, samples.length, RATE);
    piece.copyToChannel(samples, 0);
    const source = this.context.createBufferSource();
    source.buffer = piece;
    source.connect(this.gain);
    const now = this.context.currentTime;
    if (this.at < now) this.at = now + LEAD_SECONDS;
    source.start(this.at);
    this.at += piece.duration;
    this.sources.add(source);
    source.addEventListener("ended", () => this.#ended(source));
    return true;
  }

  /** Silence at once; what comes next is played again. */
  clear() {
    const sources = [...this.sources];
    this.sources.clear();
    for (const source of sources) source.stop();
    this.at = 0;
    this.odd = null;
  }

  close() {
    this.sources.clear();
    if (this.context.state !== "closed") this.context.close();
  }

  #ended(source) {
    if (this.sources.delete(source) && !this.sources.size) this.dispatchEvent(new Event("dry"));
  }

  // A sample may be split between two frames.
  #samples(bytes) {
    const all = this.odd === null ? bytes : Uint8Array.of(this.odd, ...bytes);
    this.odd = all.length % 2 ? all[all.length - 1] : null;
    const view = new DataView(all.buffer, all.byteOffset);
    const samples = new Float32Array(all.length >> 1);
    for (let index = 0; index < samples.length; index++) samples[index] = view.getInt16(index * 2, true) / 32768;
    return samples;
  }
}

/** Plays one text. `onFirst(ms)` and `onEnd()` are called once. */
export class Player {
  constructor({ onFirst, onEnd }) {
    this.speaker = new Loudspeaker();
    this.started = performance.now();
    Object.assign(this, { onFirst, onEnd, hasBegun: false, isComplete: false });
    this.speaker.addEventListener("dry", () => this.isComplete && this.#end());
  }

  play(buffer) {
    if (!this.speaker.play(buffer) || this.hasBegun) return;
    this.hasBegun = true;
    const { outputLatency, baseLatency } = this.speaker.context;
    this.onFirst(performance.now() - this.started + ((outputLatency || baseLatency || 0) + LEAD_SECONDS) * 1000);
  }

  /** No more audio comes. */
  complete() {
    this.isComplete = true;
    if (!this.speaker.isPlaying) this.#end();
  }

  /** Silence at once. */
  stop() {
    this.onEnd = null;
    this.#end();
  }

  #end() {
    this.speaker.close();
    this.onEnd?.();
    this.onEnd = null;
  }
}
