// Raw audio that is played as it arrives.

const RATE = 24000; // of `transcripts/clips/speaking.py`
const LEAD_SECONDS = 0.08; // for the first piece: a shorter one is heard as a stutter

export class Player {
  /** Plays 16-bit little-endian PCM of one channel. `onFirst(ms)` and `onEnd()` are called once. */
  constructor({ onFirst, onEnd }) {
    // In the rate of the audio: pieces that are resampled one by one would crackle.
    this.context = new AudioContext({ sampleRate: RATE });
    this.started = performance.now();
    Object.assign(this, { onFirst, onEnd, at: 0, odd: null, isComplete: false });
    this.sources = new Set();
  }

  play(buffer) {
    const samples = this.#samples(new Uint8Array(buffer));
    if (!samples.length || this.context.state === "closed") return;
    const piece = this.context.createBuffer(1, samples.length, RATE);
    piece.copyToChannel(samples, 0);
    const source = this.context.createBufferSource();
    source.buffer = piece;
    source.connect(this.context.destination);
    const now = this.context.currentTime;
    if (this.at === 0) this.#first(now);
    this.at = Math.max(this.at, now);
    source.start(this.at);
    this.at += piece.duration;
    this.sources.add(source);
    source.addEventListener("ended", () => this.#ended(source));
  }

  /** No more audio comes. */
  complete() {
    this.isComplete = true;
    if (!this.sources.size) this.#end();
  }

  /** Silence at once. */
  stop() {
    this.onEnd = null;
    this.#end();
  }

  #first(now) {
    this.at = now + LEAD_SECONDS;
    const latency = (this.context.outputLatency || this.context.baseLatency || 0) + LEAD_SECONDS;
    this.onFirst(performance.now() - this.started + latency * 1000);
  }

  #ended(source) {
    this.sources.delete(source);
    if (this.isComplete && !this.sources.size) this.#end();
  }

  #end() {
    if (this.context.state !== "closed") this.context.close();
    this.onEnd?.();
    this.onEnd = null;
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
