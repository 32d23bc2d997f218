// A WebSocket that comes back after a cut, and says in words why it does not.

const SILENCE_MS = 45_000; // the server sends a beat every 20 s
const LONGEST_MS = 15_000;

const FINAL = new Map([
  [1000, ""],
  [4401, "Your session has ended. Sign in again: everything up to now is saved."],
  [4404, "You have no access to this session any more."],
  [4409, "This session is open in another tab."],
]);
const REASONS = new Map([
  [1012, "Earshot restarts."],
  [1013, "This browser does not keep up with what it is sent."],
]);

// Events: "open", "message" with `data`, "audio" with `data` (bytes), "down" with `words` and `seconds`, "close" with `code` and `words`.
export class Link extends EventTarget {
  // `address()` gives path and query for each attempt.
  constructor(address) {
    super();
    this.address = address;
    this.attempts = 0;
    addEventListener("online", () => this.socket === null && this.connect());
  }

  connect() {
    clearTimeout(this.timer);
    this.isClosed = false;
    const socket = new WebSocket(this.address().replace(/^/, location.origin.replace(/^http/, "ws")));
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.watch();
    socket.onopen = () => this.say("open");
    socket.onmessage = ({ data }) => {
      this.attempts = 0;
      this.watch();
      if (typeof data === "string") this.say("message", { data: JSON.parse(data) });
      else this.say("audio", { data });
    };
    socket.onclose = ({ code, reason }) => this.socket === socket && this.lost(code, reason);
  }

  get isOpen() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  get buffered() {
    return this.socket?.bufferedAmount ?? 0;
  }

  send(message) {
    if (this.isOpen) this.socket.send(message instanceof Uint8Array ? message : JSON.stringify(message));
  }

  // A connection that died without a word is noticed by its silence.
  watch() {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => {
      const { socket } = this;
      this.lost(1006);
      socket?.close();
    }, SILENCE_MS);
  }

  // A server that restarts names a time at which to come back, another for each client.
  lost(code, reason = "") {
    clearTimeout(this.watchdog);
    this.socket = null;
    if (this.isClosed) return;
    if (FINAL.has(code)) {
      this.isClosed = true;
      this.say("close", { code, words: FINAL.get(code) });
      return;
    }
    this.attempts += 1;
    const most = Math.min(LONGEST_MS, 500 * 2 ** this.attempts);
    const named = code === 1012 ? Number(/retry in ([\d.]+) s/.exec(reason)?.[1]) : 0;
    const wait = named ? named * 1000 : most / 2 + (Math.random() * most) / 2;
    this.timer = setTimeout(() => this.connect(), wait);
    this.say("down", { words: REASONS.get(code) ?? "No connection to Earshot.", seconds: Math.ceil(wait / 1000) });
  }

  close() {
    this.isClosed = true;
    clearTimeout(this.timer);
    clearTimeout(this.watchdog);
    this.socket?.close();
  }

  say(type, fields = {}) {
    this.dispatchEvent(Object.assign(new Event(type), fields));
  }
}
