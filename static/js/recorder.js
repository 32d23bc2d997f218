// AudioWorklet: 16-bit samples in frames of `seconds`, each with its peak. `rate` is 16 kHz or another.

class Recorder extends AudioWorkletProcessor {
  constructor({ processorOptions: { rate, seconds } }) {
    super();
    this.frameSamples = Math.round(rate * seconds);
    // Not every browser resamples for us: `sampleRate` is then that of the microphone.
    this.step = sampleRate / rate;
    this.place = 0;
    this.sum = 0;
    this.count = 0;
    this.begin();
    this.port.onmessage = () => this.finish();
  }

  begin() {
    this.frame = new Int16Array(this.frameSamples);
    this.filled = 0;
    this.peak = 0;
  }

  // Gives the part of a frame that has come, which is the last one.
  finish() {
    const audio = this.frame.slice(0, this.filled).buffer;
    this.port.postMessage({ audio, peak: this.peak, isLast: true }, [audio]);
    this.begin();
  }

  process([input]) {
    if (input.length === 0) return true;
    for (let index = 0; index < input[0].length; index++) {
      let sample = 0;
      for (const track of input) sample += track[index];
      this.resample(sample / input.length);
    }
    return true;
  }

  resample(sample) {
    this.sum += sample;
    this.count += 1;
    this.place += 1;
    if (this.place < this.step) return;
    this.place -= this.step;
    this.add(this.sum / this.count);
    this.sum = this.count = 0;
  }

  add(sample) {
    const bounded = Math.max(-1, Math.min(1, sample));
    this.peak = Math.max(this.peak, Math.abs(bounded));
    this.frame[this.filled++] = bounded < 0 ? bounded * 32_768 : bounded * 32_767;
    if (this.filled < this.frameSamples) return;
    this.port.postMessage({ audio: this.frame.buffer, peak: this.peak }, [this.frame.buffer]);
    this.begin();
  }
}

registerProcessor("recorder", Recorder);
