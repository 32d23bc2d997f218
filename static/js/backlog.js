// Audio that the server has not confirmed, kept in the browser across reloads.

const STORE = "audio";

function request(made) {
  return new Promise((resolve, reject) => {
    made.onsuccess = () => resolve(made.result);
    made.onerror = () => reject(made.error);
  });
}

async function openDatabase() {
  const opening = indexedDB.open("earshot-live", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
  return request(opening);
}

// Chunks in order, each with its place in the audio of the session in bytes.
export class Backlog {
  constructor(session) {
    this.session = session;
    this.chunks = [];
    this.end = 0;
  }

  async load() {
    try {
      this.database = await openDatabase();
      const found = await request(this.store("readonly").getAll(this.range()));
      this.chunks = found.sort((one, other) => one.offset - other.offset);
      const last = this.chunks.at(-1);
      if (last) this.end = last.offset + last.audio.length;
    } catch {
      this.database = null; // a private window: kept in memory alone
    }
  }

  add(audio) {
    const chunk = { offset: this.end, audio };
    this.chunks.push(chunk);
    this.end += audio.length;
    this.write((store) => store.put(chunk, [this.session, chunk.offset]));
    return chunk;
  }

  // The server has the first `bytes` of the audio on disk.
  confirm(bytes) {
    const kept = this.chunks.findIndex((chunk) => chunk.offset + chunk.audio.length > bytes);
    const gone = this.chunks.splice(0, kept < 0 ? this.chunks.length : kept);
    if (gone.length > 0) {
      const last = gone.at(-1).offset;
      this.write((store) => store.delete(IDBKeyRange.bound([this.session, 0], [this.session, last])));
    }
  }

  // Continues behind the first `received` bytes: moves what is kept there when bytes between are missing.
  continueAt(received) {
    this.confirm(received);
    const missing = (this.chunks[0]?.offset ?? received) - received;
    if (missing > 0) {
      this.forget();
      const moved = this.chunks.map((chunk) => ({ ...chunk, offset: chunk.offset - missing }));
      this.chunks = moved;
      this.write((store) => {
        for (const chunk of moved) store.put(chunk, [this.session, chunk.offset]);
      });
    }
    const last = this.chunks.at(-1);
    this.end = last ? last.offset + last.audio.length : received;
  }

  get bytes() {
    return this.chunks.length > 0 ? this.end - this.chunks[0].offset : 0;
  }

  forget() {
    this.write((store) => store.delete(this.range()));
  }

  range() {
    return IDBKeyRange.bound([this.session, 0], [this.session, Number.MAX_SAFE_INTEGER]);
  }

  store(mode) {
    return this.database.transaction(STORE, mode, { durability: "relaxed" }).objectStore(STORE);
  }

  write(change) {
    if (!this.database) return;
    try {
      change(this.store("readwrite"));
    } catch {
      this.database = null;
    }
  }
}
