// A microphone, or the sound of a shared tab, as frames of 16-bit samples.

const RATE = 16_000; // unless another is asked for
const LAST_FRAME_MS = 500;
const MUTED = "The microphone is muted by the system or by its own switch.";
const FRAME_SECONDS = 0.08; // unless others are asked for
const SILENT_SECONDS = 5; // of digital silence: no microphone is that quiet

// Events: "frame" with `audio` and `peak`, "trouble" with a sentence (empty once it is over), "end".
export class Microphone extends EventTarget {
  // `device` is an id of the browser's, "" for that of the system. `cancelsEcho` is for a page that
  // speaks itself.
  constructor(recorderUrl, { rate = RATE, frameSeconds = FRAME_SECONDS, device = "", cancelsEcho = false } = {}) {
    super();
    Object.assign(this, { recorderUrl, rate, frameSeconds, device, cancelsEcho });
    this.silentFrames = Math.round(SILENT_SECONDS / frameSeconds);
    this.silent = 0;
    this.isPaused = false;
    this.isStopped = false;
    this.isOpen = false; // while the browser asks for it, and loads the recorder
  }

  // Asks for the device, or plays `file`. Throws what the browser throws; `problem` has words for it.
  // Returns false, with nothing left open, when it was stopped meanwhile.
  async start(kind, file) {
    try {
      // Browsers ask for a tab after a click alone. A microphone is opened last: what is said until
      // the recorder is loaded would be lost.
      if (kind === "tab") this.stream = await this.open(kind);
      if (!this.isStopped) await this.load({ sampleRate: this.rate });
      if (kind === "microphone" && !this.isStopped) this.stream = await this.open(kind);
      if (!this.isStopped) await this.record(file);
    } catch (error) {
      if (!this.isStopped) {
        this.stop();
        throw error;
      }
    }
    if (this.isStopped) {
      this.stop(); // what the browser gave since then
      return false;
    }
    this.isOpen = true;
    // iOS interrupts the audio of a page for a call; it is to be resumed by us.
    this.context?.addEventListener("statechange", () => this.revive());
    document.addEventListener("visibilitychange", () => this.revive());
    await this.revive();
    await this.player?.play();
    return true;
  }

  async load(options) {
    this.context = newContext(options);
    await this.context.audioWorklet.addModule(this.recorderUrl);
  }

  async record(file) {
    const track = this.stream?.getAudioTracks()[0];
    if (this.stream && !track) throw new DOMException("The tab is shared without its sound.", "NotFoundError");
    const source = this.stream ? await this.connect() : this.play(file);
    const recorder = new AudioWorkletNode(this.context, "recorder", {
      numberOfOutputs: 0,
      processorOptions: { rate: this.rate, seconds: this.frameSeconds },
    });
    this.recorder = recorder;
    recorder.port.onmessage = ({ data }) => this.hear(data);
    source.connect(recorder);
    track?.addEventListener("ended", () => this.dispatchEvent(new Event("end")));
    track?.addEventListener("mute", () => this.trouble(MUTED));
    track?.addEventListener("unmute", () => this.trouble(""));
    if (track?.muted) this.trouble(MUTED);
    if (track?.readyState === "ended") this.dispatchEvent(new Event("end"));
  }

  async connect() {
    try {
      return this.context.createMediaStreamSource(this.stream);
    } catch {
      // Firefox connects only streams of the context's own rate.
      this.context.close();
      await this.load();
      return this.context.createMediaStreamSource(this.stream);
    }
  }

  async open(kind) {
    if (kind === "tab") {
      const stream = await navigator.mediaDevices.getDisplayMedia({ audio: true, video: true });
      for (const track of stream.getVideoTracks()) track.enabled = false;
      return stream;
    }
    const { device, cancelsEcho } = this;
    return navigator.mediaDevices.getUserMedia({
      audio: {
        channelCount: 1,
        echoCancellation: cancelsEcho,
        noiseSuppression: false,
        autoGainControl: true,
        ...(device ? { deviceId: { exact: device } } : {}),
      },
    });
  }

  // The sound of a file, which is also heard.
  play(file) {
    this.player = new Audio(URL.createObjectURL(file));
    this.player.addEventListener("ended", () => this.dispatchEvent(new Event("end")));
    const source = this.context.createMediaElementSource(this.player);
    source.connect(this.context.destination);
    return source;
  }

  pause(on) {
    this.isPaused = on;
    if (on) this.player?.pause();
    else {
      this.revive();
      this.player?.play();
    }
  }

  get needsGesture() {
    return this.context?.state === "suspended";
  }

  // By a call, or another app that has the microphone: iOS alone has this state.
  get isInterrupted() {
    return this.context?.state === "interrupted";
  }

  async revive() {
    const { context } = this;
    if (!context || context.state === "running" || context.state === "closed" || document.hidden) return;
    // Without a gesture of the user this may never settle.
    await Promise.race([context.resume().catch(() => {}), new Promise((done) => setTimeout(done, 500))]);
  }

  hear({ audio, peak, isLast }) {
    if (isLast) this.hasFinished?.();
    if (this.isPaused || audio.byteLength === 0) return;
    this.silent = peak === 0 ? this.silent + 1 : 0;
    if (this.silent === this.silentFrames) this.trouble("The microphone sends only silence. Is it switched off?");
    else if (this.wasSilent && peak > 0) this.trouble("");
    this.wasSilent = this.silent >= this.silentFrames;
    const frame = new Event("frame");
    Object.assign(frame, { audio: new Uint8Array(audio), peak });
    this.dispatchEvent(frame);
  }

  trouble(words) {
    const trouble = new Event("trouble");
    trouble.words = words;
    this.dispatchEvent(trouble);
  }

  // Stops after the last samples, which fill no whole frame.
  async finish() {
    if (!this.isOpen) {
      this.stop();
      return;
    }
    const finished = new Promise((done) => {
      this.hasFinished = done;
      setTimeout(done, LAST_FRAME_MS);
    });
    this.recorder.port.postMessage("finish");
    await finished;
    this.stop();
  }

  stop() {
    this.isStopped = true;
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.player?.pause();
    this.context?.close();
    this.context = null;
  }
}

function newContext(options) {
  try {
    return new AudioContext(options);
  } catch {
    return new AudioContext(); // of the rate of the device
  }
}

export function problem(error) {
  if (!navigator.mediaDevices) return "Browsers give a microphone only to pages with https:// addresses.";
  if (error.name === "NotAllowedError") {
    return "The browser does not allow this page to use the microphone. Allow it next to the address, then try again.";
  }
  if (error.name === "NotFoundError") return `There is no microphone. ${error.message}`;
  if (error.name === "NotReadableError") return "Another program uses the microphone. Close it, then try again.";
  return `The microphone cannot be used: ${error.message}`;
}
