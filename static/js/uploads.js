// Files on their way to the server, in chunks that can be taken up again after any cut.

import { clock } from "./player.js";
import { fetchRow } from "./rows.js";

const CHUNK_BYTES = 8 * 1024 * 1024;
const AT_ONCE = 2;
const LONGEST_WAIT_MS = 30_000;
const SPEED_WINDOW_MS = 6_000;
const KEPT = "unfinished uploads";
const SIGN_IN = "You are signed out: sign in again in another tab";

/** The server's word about why it does not take a file. */
class Refused extends Error {}
/** A file that no server would take: trying again would not help. */
class Unfit extends Refused {}
class Cancelled extends Error {}
/** No answer, or one that says later. */
class Cut extends Error {}

export class Uploads extends EventTarget {
  /**
   * `list` takes a row for each file. `choose()` gives `{project, options}` for files added now.
   * Fires `change`, and `finished` with `{row}` when a file has become a recording.
   */
  constructor(list, { url, rowsUrl, maxBytes, choose }) {
    super();
    Object.assign(this, { list, url, rowsUrl, maxBytes, choose });
    this.template = document.querySelector("[data-upload-template]");
    this.items = [];
    this.#recall();
    addEventListener("beforeunload", (event) => {
      if (this.busy) event.preventDefault();
    });
    addEventListener("online", () => this.items.forEach((item) => item.wake?.()));
  }

  /** Whether bytes are travelling or about to. */
  get busy() {
    return this.items.some((item) => item.state === "waiting" || item.state === "sending");
  }

  add(files) {
    for (const file of files) {
      const key = keyOf(file);
      const known = this.items.find((item) => item.key === key && ["lost", "failed"].includes(item.state));
      if (known) {
        known.take(file);
      } else if (!this.items.some((item) => item.key === key && item.state !== "done")) {
        this.items.push(new Item(this, { key, file, name: file.name, size: file.size, ...this.choose() }));
      }
    }
    this.next();
  }

  next() {
    // One by one: an item that fails at once has called for the next before its run returns.
    while (this.items.filter((item) => item.state === "sending").length < AT_ONCE) {
      const item = this.items.find((one) => one.state === "waiting");
      if (!item) break;
      item.run();
    }
    this.dispatchEvent(new Event("change"));
  }

  forget(item) {
    this.items = this.items.filter((other) => other !== item);
    this.next();
  }

  // Uploads of an earlier visit: the file itself must be given again, its bytes need not.
  #recall() {
    for (const kept of Object.values(recalled())) this.items.push(new Item(this, kept));
  }
}

class Item {
  constructor(uploads, { key, name, size, project, options, address = "", file = null }) {
    Object.assign(this, { uploads, key, name, size, project, options, address, file });
    this.offset = 0;
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
    this.part("again").addEventListener("click", () => uploads.dispatchEvent(new Event("choose")));
    uploads.list.prepend(this.row);
    this.become(file ? "waiting" : "lost");
    if (!file) this.#ask();
  }

  part(name) {
    return this.row.querySelector(`[data-${name}]`);
  }

  become(state, problem = "") {
    this.state = state;
    this.row.dataset.state = state;
    this.part("problem").textContent = problem;
    this.part("problem").hidden = !problem;
    this.part("retry").hidden = !(state === "failed" && this.file);
    this.part("again").hidden = state !== "lost";
    this.show();
  }

  show(words) {
    const { offset, size } = this;
    const sent = `${bytes(offset)} of ${bytes(size)}`;
    const says = {
      waiting: offset ? `Waiting, ${sent}` : `Waiting, ${bytes(size)}`,
      sending: [`${percent(offset, size)} %`, sent, ...this.#speed()].join(" · "),
      lost: offset ? `${percent(offset, size)} % is safe. Choose the file again to go on.` : "Not finished. Choose the file again to go on.",
      failed: bytes(size),
      done: bytes(size),
    };
    this.part("words").textContent = words ?? says[this.state];
    this.part("progress").value = size ? offset / size : 0;
    this.part("progress").hidden = this.state === "failed" && !offset;
  }

  /** The file of an upload that was cut off, given again. */
  take(file) {
    this.file = file;
    this.become("waiting");
  }

  async run() {
    this.become("sending");
    this.samples = [];
    this.stop = new AbortController();
    try {
      this.#check();
      const made = await this.#send();
      forget(this.key);
      this.offset = this.size;
      this.become("done");
      await this.#finish(made);
    } catch (error) {
      if (error instanceof Cancelled) return;
      if (!(error instanceof Refused)) console.error(error);
      forget(this.key);
      this.address = "";
      this.offset = 0;
      this.become("failed", error instanceof Refused ? error.message : `${this.name} cannot be read. Choose it again.`);
      if (error instanceof Unfit) this.part("retry").hidden = true;
    } finally {
      this.uploads.next();
    }
  }

  cancel() {
    this.state = "cancelled";
    this.stop?.abort();
    this.wake?.();
    forget(this.key);
    this.row.remove();
    this.uploads.forget(this);
    this.#release();
  }

  #release() {
    if (this.address) request(this.address, { method: "DELETE", keepalive: true }).catch(() => {});
  }

  #check() {
    const { maxBytes } = this.uploads;
    if (this.size === 0) throw new Unfit("The file is empty: there is nothing to transcribe.");
    if (this.size > maxBytes) {
      throw new Unfit(`The file has ${bytes(this.size)}; at most ${bytes(maxBytes)} are taken. Cut it into parts.`);
    }
  }

  async #send() {
    for (let failures = 0; ; ) {
      try {
        if (!this.address) await this.#create();
        else if (failures || !this.offset) await this.#locate();
        const made = await this.#chunks(() => (failures = 0));
        if (made) return made;
        failures += 1; // the server wants it from elsewhere: look again
      } catch (error) {
        if (!(error instanceof Cut)) throw error;
        failures += 1;
        const wait = Math.min(LONGEST_WAIT_MS, 1000 * 2 ** Math.min(failures - 1, 5)) * (0.7 + 0.3 * Math.random());
        this.show(`${error.message}; going on in ${clock(wait / 1000 + 1)}`);
        await this.#pause(wait);
      }
    }
  }

  async #create() {
    // Never aborted: an upload that the server made and nobody knows of could not be forgotten.
    const answer = await this.#call(this.uploads.url, {
      signal: null,
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ name: this.name, size: this.size, project: Number(this.project), options: this.options }),
    });
    if (answer.status !== 201) throw new Refused(await reason(answer));
    this.address = new URL(answer.headers.get("Location"), location).pathname;
    this.offset = 0;
    if (this.state === "cancelled") {
      this.#release();
      throw new Cancelled();
    }
    keep(this.key, { key: this.key, name: this.name, size: this.size, project: this.project, options: this.options, address: this.address });
  }

  async #locate() {
    const answer = await this.#call(this.address, { method: "HEAD" });
    if (answer.status === 404) {
      // It was forgotten, or became a recording while the answer was cut off: begin anew.
      this.address = "";
      return this.#create();
    }
    if (!answer.ok) throw new Refused(`The server answered ${answer.status}.`);
    this.offset = Number(answer.headers.get("Upload-Offset"));
  }

  // Where an upload of an earlier visit stands, before its file is here again.
  async #ask() {
    const answer = await request(this.address, { method: "HEAD" }).catch(() => null);
    if (this.state !== "lost" || !answer) return;
    if (answer.status === 404) {
      forget(this.key);
      this.row.remove();
      this.uploads.forget(this);
    } else if (answer.ok) {
      this.offset = Number(answer.headers.get("Upload-Offset"));
      this.show();
    }
  }

  /** Send from the offset to the end; what the server made of it, or null to look again. */
  async #chunks(succeeded) {
    for (;;) {
      const end = Math.min(this.size, this.offset + CHUNK_BYTES);
      const answer = await this.#patch(this.file.slice(this.offset, end));
      if (answer.status === 409 || answer.status === 404) return null;
      if (!answer.ok) throw new Refused(await reason(answer));
      this.offset = end;
      succeeded();
      this.show();
      if (answer.status === 200) return answer.json();
      if (this.offset >= this.size && answer.status === 204) return null;
    }
  }

  // XMLHttpRequest tells how far a body has gone; fetch does not.
  #patch(chunk) {
    return new Promise((resolve, reject) => {
      const call = new XMLHttpRequest();
      const from = this.offset;
      call.open("PATCH", this.address);
      call.setRequestHeader("Content-Type", "application/offset+octet-stream");
      call.setRequestHeader("Upload-Offset", String(from));
      call.setRequestHeader("Tus-Resumable", "1.0.0");
      call.setRequestHeader("X-CSRFToken", token());
      call.upload.addEventListener("progress", ({ loaded }) => {
        this.samples.push([performance.now(), from + Math.min(loaded, chunk.size)]);
        const now = this.offset;
        this.offset = from + Math.min(loaded, chunk.size);
        this.show();
        this.offset = now;
      });
      call.addEventListener("load", () => {
        if (signedOut(call.responseURL)) reject(new Cut(SIGN_IN));
        else if (call.status === 429 || call.status === 423 || call.status >= 500) {
          // A full disk is worth waiting for: what has come stays.
          reject(new Cut(call.status === 507 ? "The server's disk is full" : "The server cannot take it now"));
        } else {
          const body = call.status === 204 || call.status === 304 ? null : call.responseText;
          resolve(new Response(body, { status: call.status, headers: { "Content-Type": call.getResponseHeader("Content-Type") ?? "text/plain" } }));
        }
      });
      call.addEventListener("error", () => reject(new Cut("The connection was cut")));
      call.addEventListener("abort", () => reject(new Cancelled()));
      this.stop.signal.addEventListener("abort", () => call.abort(), { once: true });
      if (this.stop.signal.aborted) return reject(new Cancelled());
      call.send(chunk);
    });
  }

  async #call(url, init) {
    const answer = await request(url, { signal: this.stop.signal, ...init }).catch(() => {
      throw this.stop.signal.aborted ? new Cancelled() : new Cut("The server does not answer");
    });
    if (signedOut(answer.url)) throw new Cut(SIGN_IN);
    if (answer.status === 429 || (answer.status >= 500 && answer.status !== 507)) {
      throw new Cut("The server cannot take it now");
    }
    return answer;
  }

  #pause(wait) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, wait);
      this.wake = () => {
        clearTimeout(timer);
        if (this.state === "cancelled") reject(new Cancelled());
        else resolve();
      };
    }).finally(() => (this.wake = null));
  }

  async #finish(made) {
    document.body.dispatchEvent(new Event("uploaded"));
    const row = await fetchRow(this.uploads.rowsUrl, made.recording);
    if (row) {
      this.row.replaceWith(row);
      window.htmx?.process(row);
      this.row = row;
    }
    if (made.duplicate_of) {
      const notice = document.querySelector("[data-duplicate-template]").content.firstElementChild.cloneNode(true);
      const link = notice.querySelector("[data-duplicate]");
      link.textContent = made.duplicate_of.title;
      link.href = made.duplicate_of.url;
      this.row.after(notice);
    }
    this.uploads.dispatchEvent(new CustomEvent("finished", { detail: { row: this.row } }));
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

/** The files of a drop, those of dropped folders too. */
export async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return [...transfer.files];
  const lists = await Promise.all(entries.map(filesUnder));
  return lists.flat();
}

async function filesUnder(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    for (const each of some) if (!each.name.startsWith(".")) found.push(...(await filesUnder(each)));
  }
}

function request(url, init) {
  const headers = { "X-CSRFToken": token(), "Tus-Resumable": "1.0.0", ...init.headers };
  return fetch(url, { ...init, headers });
}

// The cookie's, not the page's: it stays right when one signs in again in another tab.
export function token() {
  const cookie = document.cookie.split("; ").find((each) => each.startsWith("csrftoken="));
  return cookie?.slice("csrftoken=".length) ?? "";
}

function signedOut(url) {
  return new URL(url, location).pathname === "/sign-in/";
}

async function reason(answer) {
  const said = await answer.json().catch(() => null);
  return said?.error ?? `The server refused it (${answer.status}).`;
}

function keyOf(file) {
  return [file.name, file.size, file.lastModified].join("|");
}

function recalled() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) ?? {};
  } catch {
    return {};
  }
}

function keep(key, upload) {
  localStorage.setItem(KEPT, JSON.stringify({ ...recalled(), [key]: upload }));
}

function forget(key) {
  const { [key]: gone, ...others } = recalled();
  localStorage.setItem(KEPT, JSON.stringify(others));
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
