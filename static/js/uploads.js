// Files on their way to the server, in chunks that are resumed after any interruption.
//
// Every chosen file is listed, and noted in this browser, before anything else is done with it;
// the server is told of it next. What neither page nor browser survives is the file itself: it
// has to be selected again, and is known by the hash of what the server already has.

import { clock } from "./clock.js";
import { tell } from "./problems.js";
import { fetchRow } from "./rows.js";
import { beginning } from "./sha256.js";
import { Cancelled, forget, Gone, Interrupted, list, look, open, OtherFile, Rejected, send } from "./transfer.js";

const CHUNK_BYTES = 8 * 1024 * 1024;
const AT_ONCE = 2;
// So many files are announced ahead of those being sent; the server keeps room for each.
const ANNOUNCED = 100;
const LONGEST_WAIT_MS = 30_000;
const SPEED_WINDOW_MS = 6_000;
const TELL_MS = 1_000;
const SILENCE_MS = 10_000;

/** A file that no server would take: trying again would not help. */
class Unfit extends Rejected {}

export class Uploads extends EventTarget {
  /**
   * `element` holds the list and its data. `choose()` gives `{project, options}` for files added
   * now. Fires `finished` with `{row}` when a file has become a recording.
   */
  constructor(element, choose) {
    super();
    this.list = element.querySelector("[data-uploads]");
    this.summary = element.querySelector("[data-upload-summary]");
    this.template = element.querySelector("[data-upload-template]");
    const { url, rowsUrl, maxBytes, owner } = element.dataset;
    Object.assign(this, { url, rowsUrl, maxBytes: Number(maxBytes), choose });
    this.notes = new Notes(owner);
    this.items = [];
    this.tabs = new BroadcastChannel("uploads");
    this.tabs.addEventListener("message", ({ data }) => this.#hear(data));
    setInterval(() => {
      if (this.busy) for (const item of this.items) item.tellTabs();
    }, 2 * TELL_MS);
    this.recalled = this.#recall();
    addEventListener("beforeunload", (event) => {
      if (this.busy) event.preventDefault();
    });
    document.addEventListener("signedout", (event) => this.busy && event.preventDefault());
    addEventListener("online", () => {
      for (const item of this.items) item.wake?.();
    });
  }

  /** Whether bytes are travelling or about to. */
  get busy() {
    return this.items.some((item) => ["checking", "unassigned", "waiting", "sending"].includes(item.state));
  }

  async add(files) {
    const chosen = this.choose();
    const added = [...files].map((file) => new Item(this, { file, name: file.name, size: file.size, ...chosen }));
    this.changed();
    await this.recalled;
    for (const item of added) {
      await this.#place(item);
      this.next();
    }
    this.#announce();
  }

  /** Files that were chosen before a project go to the one of `choose()`. */
  assign() {
    const chosen = this.choose();
    if (!chosen.project) return;
    for (const item of this.unassigned) item.assign(chosen);
    this.next();
    this.#announce();
  }

  get unassigned() {
    return this.items.filter((item) => item.state === "unassigned");
  }

  // A file that continues an earlier upload, was chosen twice, or is a new one.
  async #place(item) {
    if (item.state !== "checking") return;
    const { file } = item;
    for (const earlier of this.items.filter((other) => other !== item && other.wants(file))) {
      if (await earlier.holds(file)) {
        if (item.state !== "checking") return; // cancelled meanwhile
        item.leave();
        earlier.take(file);
        return;
      }
      earlier.become(earlier.state, `The “${file.name}” chosen now is a different file and is uploaded on its own.`);
    }
    const same = (other) => other !== item && other.isUnderWay && other.file && looksLike(other.file, file);
    for (const other of this.items.filter(same)) {
      if (await sameBytes(other.file, file)) {
        if (item.state === "checking") item.become("twice");
        return;
      }
    }
    if (item.state === "checking") item.start();
  }

  next() {
    // One by one: an item that fails at once has called for the next before its run returns.
    while (this.items.filter((item) => item.state === "sending").length < AT_ONCE) {
      // Announced ones first: the room that is kept for them may be what the others wait for.
      const waiting = this.items.filter((one) => one.state === "waiting");
      const item = waiting.find((one) => one.address) ?? waiting[0];
      if (!item) break;
      item.run();
    }
    this.changed();
  }

  // The server knows of the files that wait, too: it shows them on every page and keeps room.
  async #announce() {
    if (this.announcing) return;
    this.announcing = true;
    for (;;) {
      const waiting = this.items.filter((item) => item.state === "waiting");
      const item = waiting.find((each) => each.file && !each.address && !each.postponed);
      if (!item || waiting.filter((each) => each.address).length >= ANNOUNCED) break;
      try {
        await item.open();
      } catch (error) {
        // No room or no connection now: it is asked again when its turn comes.
        item.postponed = true;
        if (error instanceof Rejected && item.state === "waiting") item.fail(error);
      }
    }
    this.announcing = false;
  }

  leave(item) {
    this.items = this.items.filter((other) => other !== item);
    this.next();
  }

  changed() {
    const items = this.items.filter((item) => item.state !== "twice");
    const count = (...states) => items.filter((item) => states.includes(item.state)).length;
    const words = [];
    if (count("done") || this.busy) words.push(`${count("done")} of ${files(items.length)} uploaded.`);
    if (this.busy) words.push("Keep this page open until all of them are.");
    const lost = count("lost");
    if (lost) words.push(lost === 1 ? "1 file is not complete." : `${lost} files are not complete.`);
    this.summary.textContent = words.join(" ");
    this.summary.hidden = !words.length;
    this.dispatchEvent(new Event("change"));
  }

  // What is unfinished, by this browser's notes and by the server.
  async #recall() {
    for (const note of this.notes.all()) this.items.push(new Item(this, note));
    this.changed();
    const found = await list(this.url).catch(() => null);
    if (!found) return;
    for (const upload of found) {
      let item = this.items.find((each) => each.address === upload.url);
      if (!item) {
        item = new Item(this, { name: upload.name, size: upload.size, address: upload.url });
        this.items.push(item);
      }
      item.meet(upload);
    }
    const listed = new Set(found.map((upload) => upload.url));
    for (const item of this.items) if (item.address && !item.file && !listed.has(item.address)) item.lookAgain();
    this.tabs.postMessage({ ask: true });
    this.next();
  }

  #hear(message) {
    for (const item of this.items) {
      if (message.ask) item.tellTabs(true);
      else if (item.address && item.address === message.address) item.hear(message);
    }
  }
}

class Item {
  constructor(uploads, { id, name, size, project, options, address = "", problem = "", file = null }) {
    this.id = id ?? `${Date.now()}-${Math.random()}`;
    Object.assign(this, { uploads, name, size, project, options, address, file });
    this.offset = 0;
    this.sha256 = "";
    this.samples = [];
    this.row = uploads.template.content.firstElementChild.cloneNode(true);
    this.part("name").textContent = name;
    this.part("progress").setAttribute("aria-label", `Upload of ${name}`);
    this.part("cancel").setAttribute("aria-label", `Cancel the upload of ${name}`);
    this.part("cancel").addEventListener("click", () => this.cancel());
    this.part("retry").addEventListener("click", () => {
      this.become("waiting");
      uploads.next();
    });
    const input = this.part("again-file");
    this.part("again").addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      if (input.files.length) this.select(input.files[0]);
      input.value = "";
    });
    uploads.list.prepend(this.row);
    if (file) {
      this.note();
      this.become("checking");
      uploads.items.push(this);
    } else this.become("lost", problem);
  }

  part(name) {
    return this.row.querySelector(`[data-${name}]`);
  }

  get isUnderWay() {
    return ["checking", "unassigned", "waiting", "sending"].includes(this.state);
  }

  become(state, problem = "") {
    this.state = state;
    this.row.dataset.state = state;
    this.part("problem").textContent = problem;
    this.part("problem").hidden = !problem;
    this.part("retry").hidden = !(state === "failed" && this.file);
    this.part("again").hidden = state !== "lost";
    this.show();
    this.tellTabs(true);
    this.uploads.changed();
  }

  show(words) {
    const { offset, size } = this;
    const sent = `${bytes(offset)} of ${bytes(size)}`;
    const part = `${percent(offset, size)} %`;
    const texts = {
      checking: `Waiting, ${bytes(size)}`,
      unassigned: `Choose a project, ${bytes(size)}`,
      waiting: offset ? `Waiting, ${sent}` : `Waiting, ${bytes(size)}`,
      sending: [part, sent, ...this.#speed()].join(" · "),
      elsewhere: `Uploading in another tab · ${part}`,
      lost: `${offset ? `${part} uploaded` : "Not uploaded yet"}. Select the same file to continue`,
      twice: "Chosen twice. It is uploaded once",
      failed: bytes(size),
      done: bytes(size),
    };
    this.part("words").textContent = words ?? texts[this.state];
    this.part("progress").value = size ? offset / size : 0;
    this.part("progress").hidden = this.state === "twice" || (["failed", "lost"].includes(this.state) && !offset);
  }

  note(problem = "") {
    const { id, name, size, project, options, address } = this;
    this.uploads.notes.put({ id, name, size, project, options, address, problem });
  }

  /** Take the file: it is a new one. */
  start() {
    try {
      this.#check();
      this.become(this.project ? "waiting" : "unassigned");
    } catch (error) {
      this.fail(error);
    }
  }

  assign({ project, options }) {
    Object.assign(this, { project, options });
    this.note();
    this.become("waiting");
  }

  /** Whether this upload may be waiting for the file; `holds` then looks into it. */
  wants(file) {
    const waits = this.state === "lost" || (this.state === "failed" && this.offset === 0);
    return waits && file.size === this.size && file.name === this.name;
  }

  /** Whether the file begins with the bytes that the server has. */
  async holds(file) {
    if (!this.address || file.size !== this.size) return file.size === this.size;
    try {
      this.#believe(await look(this.address));
    } catch (error) {
      if (!(error instanceof Gone)) return true; // the server compares once more
      this.address = "";
      this.offset = 0;
    }
    if (!this.offset || !this.sha256) return true;
    const found = await beginning(file, this.offset, (read) => {
      this.show(`Comparing with what is uploaded, ${percent(read, this.offset)} %`);
    }).catch(() => null);
    this.show();
    return found === this.sha256;
  }

  /** Continue with this file, which `holds` has found to be the same. */
  take(file) {
    this.file = file;
    this.resumed = true;
    if (!this.address && !this.project) Object.assign(this, this.uploads.choose());
    this.become(this.address || this.project ? "waiting" : "unassigned");
    this.uploads.next();
  }

  /** The file that was selected for this upload. */
  async select(file) {
    const other = `“${file.name}” is a different file`;
    if (file.size !== this.size) {
      return this.become("lost", `${other} (${bytes(file.size)} instead of ${bytes(this.size)}). Select “${this.name}”.`);
    }
    const held = await this.holds(file);
    if (this.state !== "lost") return;
    if (!held) return this.become("lost", `${other}: it does not begin with what is already uploaded. Select “${this.name}”.`);
    if (!this.offset && file.name !== this.name) return this.become("lost", `${other}. Select “${this.name}”.`);
    this.take(file);
  }

  async run() {
    this.become("sending");
    this.samples = [];
    this.stop = new AbortController();
    try {
      this.#check();
      await this.#finish(await this.#send());
    } catch (error) {
      if (!(error instanceof Cancelled)) this.fail(error);
    } finally {
      this.uploads.next();
    }
  }

  fail(error) {
    if (this.state === "cancelled") return;
    if (error instanceof OtherFile || error instanceof Unreadable) {
      // What is uploaded is of the file that was chosen first.
      this.file = null;
      this.note(error.message);
      return this.become("lost", error.message);
    }
    if (!(error instanceof Rejected)) console.error(error);
    this.#release();
    this.address = "";
    this.offset = 0;
    const message = error instanceof Rejected ? error.message : `The upload stopped because of an error in this page: ${error.message}`;
    if (error instanceof Unfit) this.uploads.notes.drop(this.id);
    else this.note(message);
    this.become("failed", message);
    if (error instanceof Unfit) this.part("retry").hidden = true;
  }

  cancel() {
    this.state = "cancelled";
    this.stop?.abort();
    this.wake?.();
    this.leave();
    this.#release();
  }

  /** Take the row and the note of it away. */
  leave() {
    this.state = "cancelled";
    this.uploads.notes.drop(this.id);
    this.row.remove();
    this.uploads.leave(this);
  }

  #release() {
    if (this.address) forget(this.address);
  }

  #check() {
    const { maxBytes } = this.uploads;
    if (this.size === 0) throw new Unfit("The file is empty: there is nothing to transcribe.");
    if (this.size > maxBytes) {
      throw new Unfit(`The file has ${bytes(this.size)}; at most ${bytes(maxBytes)} are allowed. Split it into parts.`);
    }
  }

  async #send() {
    for (let failures = 0; ; ) {
      try {
        if (!this.address) await this.open();
        else if (failures || !this.offset) await this.#locate();
        const made = await this.#chunks(() => (failures = 0));
        if (made) return made;
        failures += 1; // the server wants it from elsewhere: look again
      } catch (error) {
        if (!(error instanceof Interrupted)) throw error;
        failures += 1;
        await this.#readable();
        const wait = Math.min(LONGEST_WAIT_MS, 1000 * 2 ** Math.min(failures - 1, 5)) * (0.7 + 0.3 * Math.random());
        await this.#pause(wait, error.message);
      }
    }
  }

  /** Announce the file to the server, once. */
  open() {
    this.opening ??= this.#open().finally(() => (this.opening = null));
    return this.opening;
  }

  // Never aborted: an upload that the server made and nobody knows of could not be forgotten.
  async #open() {
    // One that was recalled from the server and has vanished there is begun as a new file.
    const { project, options } = this.project === undefined ? this.uploads.choose() : this;
    Object.assign(this, { project, options });
    this.address = await open(this.uploads.url, this);
    this.offset = 0;
    if (this.state === "cancelled") {
      this.#release();
      throw new Cancelled();
    }
    this.note();
    document.body.dispatchEvent(new Event("uploaded")); // the tray lists it
  }

  async #locate() {
    const upload = await look(this.address, this.stop.signal);
    this.#believe(upload);
    if (upload.state === "stored") return;
    // A file that was selected later may be another one than what another tab has sent since.
    if (this.resumed && this.file && !(await this.holds(this.file))) {
      throw new OtherFile(`“${this.file.name}” is a different file. Select “${this.name}”.`);
    }
  }

  #believe({ offset, sha256, made }) {
    this.offset = offset;
    this.sha256 = sha256;
    this.made = made;
  }

  /** What the server says of an upload of an earlier visit. */
  meet(upload) {
    if (this.state !== "lost") return;
    this.#believe(upload);
    if (upload.state === "stored") this.#finish(upload.made);
    else if (this.offset >= this.size) this.become("waiting"); // its last bytes are there: finish it
    else this.become("lost", this.part("problem").textContent);
  }

  async lookAgain() {
    try {
      this.meet(await look(this.address));
    } catch (error) {
      if (!(error instanceof Gone) || this.state !== "lost") return;
      this.address = "";
      this.offset = 0;
      this.note();
      this.become("lost", "This upload is no longer on the server.");
    }
    this.uploads.next();
  }

  /** Send from the offset to the end; what the server made of it, or null to look again. */
  async #chunks(succeeded) {
    if (this.made) return this.made;
    for (;;) {
      const from = this.offset;
      const end = Math.min(this.size, from + CHUNK_BYTES);
      const chunk = this.file?.slice(from, end) ?? new Blob();
      const prefix = this.resumed ? this.sha256 : "";
      this.resumed = false;
      const tell = (loaded) => {
        this.samples.push([performance.now(), from + loaded]);
        this.offset = from + loaded;
        this.show();
        this.tellTabs();
        this.offset = from;
      };
      const { status, made } = await send(this.address, from, chunk, { prefix, signal: this.stop.signal, tell });
      if (status === 409) {
        this.resumed = Boolean(prefix);
        return null;
      }
      this.offset = end;
      succeeded();
      this.show();
      if (made) return made;
      if (end >= this.size) return null;
    }
  }

  // A file that was changed or taken away looks like a lost connection to the request.
  async #readable() {
    if (!this.file || !this.size) return;
    const at = Math.min(this.offset, this.size - 1);
    await this.file.slice(at, at + 1).arrayBuffer().catch(() => {
      throw new Unreadable(`“${this.name}” can no longer be read. Select the same file to continue.`);
    });
  }

  #pause(wait, problem) {
    const ends = performance.now() + wait;
    const show = () => this.show(`${problem}. Trying again in ${Math.max(1, Math.ceil((ends - performance.now()) / 1000))} s`);
    show();
    const shown = setInterval(show, 1000);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, wait);
      this.wake = () => {
        clearTimeout(timer);
        if (this.state === "cancelled") reject(new Cancelled());
        else resolve();
      };
    }).finally(() => {
      clearInterval(shown);
      this.wake = null;
    });
  }

  async #finish(made) {
    this.uploads.notes.drop(this.id);
    if (!made) {
      // The recording was deleted since: nothing is missing, and nothing is to be shown.
      return this.leave();
    }
    this.offset = this.size;
    this.become("done");
    document.body.dispatchEvent(new Event("uploaded"));
    const row = await fetchRow(this.uploads.rowsUrl, made.recording).catch(() => null);
    if (row) {
      this.row.replaceWith(row);
      window.htmx?.process(row);
      this.row = row;
    } else this.part("words").textContent = "Uploaded";
    if (made.duplicate_of) {
      const notice = document.querySelector("[data-duplicate-template]").content.firstElementChild.cloneNode(true);
      const link = notice.querySelector("[data-duplicate]");
      link.textContent = made.duplicate_of.title;
      link.href = made.duplicate_of.url;
      this.row.after(notice);
    }
    this.uploads.dispatchEvent(new CustomEvent("finished", { detail: { row: this.row } }));
  }

  // Between tabs: an upload is asked for in none while another sends it.

  tellTabs(now = false) {
    if (!this.address || !(this.isUnderWay || this.state === "done") || this.state === "checking") return;
    if (!now && performance.now() - (this.told ?? 0) < TELL_MS) return;
    this.told = performance.now();
    this.uploads.tabs.postMessage({ address: this.address, offset: this.offset, state: this.state });
  }

  hear({ offset, state }) {
    if (this.state !== "lost" && this.state !== "elsewhere") return;
    clearTimeout(this.silence);
    if (state === "done") {
      this.become("lost");
      this.lookAgain();
      return;
    }
    this.offset = offset;
    this.become("elsewhere");
    this.silence = setTimeout(() => {
      this.become("lost");
      this.lookAgain();
    }, SILENCE_MS);
  }

  #speed() {
    const now = performance.now();
    this.samples = this.samples.filter(([at]) => now - at < SPEED_WINDOW_MS);
    if (this.samples.length < 2) return [];
    const [[began, from], [ended, to]] = [this.samples[0], this.samples.at(-1)];
    if (ended - began < 500 || to <= from) return [];
    const speed = (1000 * (to - from)) / (ended - began);
    return [`${bytes(speed)}/s`, `${clock((this.size - to) / speed + 1)} left`];
  }
}

/** The file behind a chosen name was changed, moved or deleted. */
class Unreadable extends Error {}

/** What this browser remembers of the files that one user has chosen and that have not arrived. */
class Notes {
  constructor(owner) {
    this.key = `unfinished uploads of ${owner}`;
  }

  all() {
    return Object.values(this.#read());
  }

  put(note) {
    this.#write({ ...this.#read(), [note.id]: note });
  }

  drop(id) {
    const { [id]: dropped, ...others } = this.#read();
    if (dropped) this.#write(others);
  }

  #read() {
    try {
      return JSON.parse(localStorage.getItem(this.key)) ?? {};
    } catch {
      return {};
    }
  }

  #write(notes) {
    try {
      localStorage.setItem(this.key, JSON.stringify(notes));
    } catch {
      // Full or forbidden: what the server was told of it knows.
    }
  }
}

/** The files of a drop, those of dropped folders too; says what is none or cannot be read. */
export async function filesOf(transfer) {
  const unreadable = [];
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const plain = !entries.some((entry) => entry.isDirectory);
  // Read before anything is waited for: the drop is empty afterwards.
  const files = plain ? [...transfer.files] : (await Promise.all(entries.map((each) => filesUnder(each, unreadable)))).flat();
  if (unreadable.length) tell(`Not uploaded, because this browser cannot read it: ${unreadable.join(", ")}`);
  else if (!files.length) tell("Nothing was uploaded: there was no file in what you dropped.");
  return files;
}

async function filesUnder(entry, unreadable) {
  const read = (start) => new Promise(start).catch(() => unreadable.push(entry.fullPath.slice(1)) && []);
  if (entry.isFile) return [await read((resolve, reject) => entry.file(resolve, reject))].flat();
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await read((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    for (const each of some) if (!each.name.startsWith(".")) found.push(...(await filesUnder(each, unreadable)));
  }
}

function looksLike(one, other) {
  return one.name === other.name && one.size === other.size && one.lastModified === other.lastModified;
}

async function sameBytes(one, other) {
  for (let at = 0; at < one.size; at += CHUNK_BYTES) {
    const read = (file) => file.slice(at, at + CHUNK_BYTES).arrayBuffer();
    const [mine, theirs] = (await Promise.all([read(one), read(other)])).map((part) => new Uint8Array(part));
    if (mine.length !== theirs.length || mine.some((byte, place) => byte !== theirs[place])) return false;
  }
  return true;
}

function files(count) {
  return count === 1 ? "1 file" : `${count} files`;
}

function percent(part, whole) {
  return whole ? Math.floor((100 * part) / whole) : 0;
}

export function bytes(count) {
  const units = ["bytes", "kB", "MB", "GB"];
  const power = count < 1000 ? 0 : Math.min(3, Math.floor(Math.log10(count) / 3));
  const value = count / 1000 ** power;
  return `${value < 10 && power > 1 ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
}
