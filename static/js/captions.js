// Captions as paragraphs of one speaker each; interim words follow the final ones.

const PAUSE_SECONDS = 2;
const FULL_CHARACTERS = 420;
const HUES = 8;

export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const rest = String(whole % 60).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

export class Captions {
  constructor(list, { speakers = true } = {}) {
    this.list = list;
    this.list.dataset.speakers = String(speakers);
    this.epoch = "";
    this.grown = () => {}; // called when words are added
    this.reset();
  }

  // Shows a message of the server that is about captions; false for any other.
  take(message) {
    if (message.type === "Start") {
      if (message.after === 0) this.reset();
      this.epoch = message.epoch;
    } else if (message.type === "Caption") {
      this.add(message);
      this.grown();
    } else if (message.type === "Interim") {
      this.showInterim(message.parts);
      this.grown();
    } else if (message.type === "Names") {
      this.name(message.names);
    } else {
      return false;
    }
    return true;
  }

  reset() {
    this.list.replaceChildren();
    this.shown = new Map(); // element of each caption by its index
    this.last = null;
    this.interim = [];
    this.sequence = 0;
    this.names ??= {};
  }

  add(caption) {
    this.sequence = Math.max(this.sequence, caption.sequence);
    const known = this.shown.get(caption.index)?.span;
    if (known) {
      this.fill(known, caption);
      this.shown.set(caption.index, { span: known, caption });
    } else {
      this.clearInterim();
      const span = document.createElement("span");
      this.fill(span, caption);
      this.place(span, caption);
      this.shown.set(caption.index, { span, caption });
    }
    if (caption.index === this.last?.caption) this.last.ends = caption.ends;
  }

  fill(span, caption) {
    if (caption.kind === "gap") {
      span.className = "gap";
      span.textContent = `${Math.max(1, Math.round(caption.end - caption.start))} s could not be transcribed`;
    } else {
      span.className = caption.recognised ? "corrected" : "";
      span.title = caption.recognised ? `Recognised: ${caption.recognised}` : "";
      span.textContent = caption.text;
      span.dataset.caption = caption.index;
    }
  }

  place(span, caption) {
    const continues =
      this.last !== null &&
      !caption.turn &&
      this.last.speaker === caption.speaker &&
      this.last.kind === "text" &&
      caption.kind === "text" &&
      caption.start - this.last.end < PAUSE_SECONDS &&
      this.last.characters < FULL_CHARACTERS;
    if (!continues) this.begin(caption);
    else this.last.words.append(" ");
    this.last.words.append(span);
    if (caption.turn) this.last.words.after(turnFacts(caption.turn));
    this.last.end = caption.end;
    this.last.caption = caption.index;
    this.last.characters += caption.text.length;
  }

  begin({ speaker, kind, start, turn }) {
    const { item, words } = this.paragraph(speaker, start);
    this.list.append(item);
    this.last = { words, speaker, kind, end: start, characters: 0, isTurn: Boolean(turn) };
  }

  showInterim(parts) {
    this.clearInterim();
    let words = this.last?.kind === "text" && !this.last.isTurn ? this.last.words : null;
    let speaker = this.last?.speaker;
    for (const part of parts) {
      if (words === null || part.speaker !== speaker) {
        const made = this.paragraph(part.speaker, null);
        this.list.append(made.item);
        this.interim.push(made.item);
        ({ words } = made);
        ({ speaker } = part);
      }
      const span = document.createElement("span");
      span.className = part.eager ? "interim eager" : "interim";
      span.textContent = ` ${part.text}`;
      words.append(span);
      this.interim.push(span);
    }
  }

  nameOf(speaker) {
    return this.names[speaker] ?? `Speaker ${speaker + 1}`;
  }

  // Names that the host gave, by the number of the speaker.
  name(names) {
    this.names = names;
    for (const label of this.list.querySelectorAll("[data-speaker]")) {
      label.textContent = this.nameOf(Number(label.dataset.speaker));
    }
  }

  paragraph(speaker, start) {
    const item = document.createElement("div");
    item.className = "caption";
    const head = document.createElement("div");
    head.className = "caption-head";
    item.append(head);
    if (speaker !== null && speaker !== undefined) {
      item.classList.add(`speaker-${speaker % HUES}`);
      const name = document.createElement("span");
      name.className = "speaker";
      name.dataset.speaker = speaker;
      name.textContent = this.nameOf(speaker);
      head.append(name);
    }
    if (start !== null) {
      const time = document.createElement("time");
      time.textContent = clock(start);
      head.append(time);
    }
    const words = document.createElement("p");
    words.className = "caption-words";
    item.append(words);
    return { item, words };
  }

  clearInterim() {
    for (const element of this.interim) element.remove();
    this.interim = [];
  }
}

const TRIGGERS = { model: "ended by the model", timeout: "ended by silence", manual: "ended by hand" };

function turnFacts({ confidence, latency, trigger }) {
  const details = document.createElement("details");
  details.className = "turn-facts";
  const summary = document.createElement("summary");
  summary.textContent = "Details";
  const facts = document.createElement("span");
  const parts = [`confidence ${confidence}`, `${latency} s after the last word`, TRIGGERS[trigger]];
  facts.textContent = parts.filter(Boolean).join(", ");
  details.append(summary, facts);
  return details;
}
