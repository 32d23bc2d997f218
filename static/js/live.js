// A live session at its microphone: audio to the server, captions from it, nothing lost on the way.

import { Backlog } from "./backlog.js";
import { Captions, clock } from "./captions.js";
import { Link } from "./link.js";
import { Microphone, problem } from "./microphone.js";
import { Reading } from "./reading.js";
import { typing } from "./shell.js";
import { sessionTab } from "./tab.js";
import { Notes, Writing } from "./write.js";

const BYTES_PER_SECOND = 32_000;
const FULL_BYTES = 256 * 1024; // that the socket may hold: the rest waits in the backlog
const FRAME_BYTES = 32 * 1024;
const OFFSET_BYTES = 8;

const page = document.querySelector("[data-live]");
if (page) new Live(page).start();

function Live(root) {
  const find = (name) => root.querySelector(`[data-${name}]`);
  const session = root.dataset.live;
  const captions = new Captions(find("captions"));
  const backlog = new Backlog(session);
  const link = new Link(address);
  const tab = sessionTab();
  const words = { state: find("state"), problem: find("problem"), elapsed: find("elapsed") };
  const buttons = { start: find("start"), pause: find("pause"), stop: find("stop"), take: find("take"), note: find("note") };
  const level = find("level");
  const file = find("file");

  const reading = new Reading(root, captions.list);
  captions.grown = () => reading.keepUp();
  const notes = new Notes(find("notes"));
  const writing = new Writing(captions, send, (stays) => reading.follow(!stays));

  let microphone = null;
  let sent = 0; // place in the audio up to which frames were given to the socket
  let isReady = false; // the server has said where the audio continues
  let isPaused = false;
  let isStopping = false;
  let hasStopped = false;
  let takes = false;
  let progress = {};
  let down = "";
  let trouble = "";

  function address() {
    const query = new URLSearchParams({ tab, epoch: captions.epoch, after: captions.sequence });
    if (takes) query.set("take", "1");
    return `${root.dataset.socket}?${query}`;
  }

  function send(message) {
    if (!isReady || !link.isOpen) return false;
    link.send(message);
    return true;
  }

  this.start = async () => {
    await backlog.load();
    sent = backlog.chunks[0]?.offset ?? 0;
    link.addEventListener("message", ({ data }) => receive(data));
    link.addEventListener("down", ({ words: reason, seconds }) => {
      isReady = false;
      down = `${reason} Trying again in ${seconds} s.`;
      show();
    });
    link.addEventListener("close", closed);
    buttons.start.addEventListener("click", () => (root.dataset.source === "file" ? file.click() : begin()));
    buttons.start.disabled = false; // a click before would be lost
    file.addEventListener("change", () => file.files.length > 0 && begin());
    buttons.pause.addEventListener("click", () => (isPaused ? resume() : pause()));
    buttons.stop.addEventListener("click", stop);
    buttons.take.addEventListener("click", () => {
      takes = true;
      buttons.take.hidden = true;
      buttons.start.hidden = false;
      words.problem.hidden = true;
      link.connect();
    });
    buttons.note.addEventListener("click", note);
    addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
      const act = { p: microphone ? () => buttons.pause.click() : () => buttons.start.click(), n: note, e: edit }[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    });
    addEventListener("beforeunload", (event) => {
      if (microphone && !isPaused && !isStopping) event.preventDefault();
    });
    find("configure").addEventListener("submit", configure);
    document.addEventListener("visibilitychange", stayAwake);
    setInterval(show, 1000);
    link.connect();
    show();
    // A session that has just been made is for speaking; one that was left waits for a click.
    if (root.dataset.fresh === "true") begin();
  };

  function receive(message) {
    down = "";
    if (message.type === "Session") {
      takes = false;
      backlog.continueAt(message.received);
      sent = backlog.chunks[0]?.offset ?? message.received;
      isReady = true;
      pump();
      if (isStopping) askToStop();
    } else if (captions.take(message)) {
      // Shown as on the pages of those who have the link.
    } else if (message.type === "Confirmed") {
      backlog.confirm(message.bytes);
      pump();
    } else if (message.type === "Wrong") {
      sent = message.received;
      pump();
    } else if (message.type === "Note") {
      notes.add(message);
    } else if (message.type === "Progress") {
      progress = message;
    } else if (message.type === "Configured") {
      find("configure-words").textContent = "Applied.";
    } else if (message.type === "ConfigureFailed") {
      find("configure-words").textContent = `Nothing was changed: ${message.message}.`;
    } else if (message.type === "Problem") {
      words.problem.textContent = message.message;
      words.problem.hidden = false;
    } else if (message.type === "Warning") {
      find("warning").textContent = message.message;
      find("warning").hidden = message.message === "";
    } else if (message.type === "Stop") {
      words.problem.textContent = message.message;
      words.problem.hidden = false;
      stop();
    } else if (message.type === "Ended") {
      ended(message.recording);
    }
    show();
  }

  async function begin() {
    buttons.start.hidden = true;
    words.problem.hidden = true;
    microphone = new Microphone(root.dataset.recorder);
    microphone.addEventListener("frame", ({ audio, peak }) => {
      backlog.add(audio);
      pump();
      level.value = peak > 0 ? Math.max(0, 1 + Math.log10(peak) / 2.5) : 0;
    });
    microphone.addEventListener("trouble", ({ words: reason }) => {
      trouble = reason;
      show();
    });
    microphone.addEventListener("end", () => {
      microphone?.stop();
      microphone = null;
      trouble = root.dataset.source === "file" ? "The file has ended." : "The microphone was disconnected.";
      buttons.start.hidden = false;
      show();
    });
    try {
      if (await microphone.start(root.dataset.source, file.files[0])) stayAwake();
    } catch (error) {
      microphone = null;
      words.problem.textContent = problem(error);
      words.problem.hidden = false;
      buttons.start.hidden = false;
    }
    show();
  }

  // Gives the socket as much as it takes; what is on its way stays in the backlog until confirmed.
  function pump() {
    if (!isReady || !link.isOpen) return;
    for (const chunk of backlog.chunks) {
      const end = chunk.offset + chunk.audio.length;
      if (end <= sent) continue;
      if (link.buffered > FULL_BYTES) return;
      const start = Math.max(sent, chunk.offset);
      sendAudio(start, chunk.audio.subarray(start - chunk.offset));
      sent = end;
    }
  }

  function sendAudio(offset, audio) {
    for (let place = 0; place < audio.length; place += FRAME_BYTES) {
      const part = audio.subarray(place, place + FRAME_BYTES);
      const frame = new Uint8Array(OFFSET_BYTES + part.length);
      new DataView(frame.buffer).setBigUint64(0, BigInt(offset + place), true);
      frame.set(part, OFFSET_BYTES);
      link.send(frame);
    }
  }

  function note() {
    writing.note(backlog.end / BYTES_PER_SECOND);
  }

  function edit() {
    writing.correctNewest();
  }

  function configure(event) {
    event.preventDefault();
    const { keyterm, ...numbers } = Object.fromEntries(new FormData(event.target));
    const changes = { keyterms: keyterm.split("\n").map((term) => term.trim()).filter(Boolean) };
    for (const [name, value] of Object.entries(numbers)) if (value !== "") changes[name] = Number(value);
    find("configure-words").textContent = "Waiting for the speech server…";
    link.send({ type: "Configure", ...changes });
  }

  function pause() {
    isPaused = true;
    microphone.pause(true);
    level.value = 0;
    link.send({ type: "Pause" });
    show();
  }

  function resume() {
    isPaused = false;
    microphone.pause(false);
    show();
  }

  async function stop() {
    isStopping = true;
    const last = microphone;
    microphone = null;
    level.value = 0;
    buttons.start.hidden = true;
    show();
    await last?.finish();
    askToStop();
  }

  // Behind the last audio: what the socket has not taken yet is sent first.
  function askToStop() {
    pump();
    if (hasStopped || !isReady) return;
    if (sent < backlog.end) {
      setTimeout(askToStop, 200);
      return;
    }
    link.send({ type: "Stop" });
  }

  function ended(recording) {
    hasStopped = true;
    link.close();
    microphone?.stop();
    microphone = null;
    backlog.forget();
    if (recording) location.assign(recording);
    else location.assign(root.dataset.start);
  }

  function closed({ code, words: reason }) {
    isReady = false;
    microphone?.stop();
    microphone = null;
    if (hasStopped || code === 1000) return;
    words.problem.textContent = reason;
    words.problem.hidden = false;
    buttons.take.hidden = code !== 4409;
    buttons.start.hidden = true;
    show();
  }

  function show() {
    const waiting = backlog.bytes / BYTES_PER_SECOND;
    words.state.textContent = stateWords(waiting);
    root.dataset.state = trouble ? "trouble" : down ? "down" : microphone?.isOpen && !isPaused ? "hearing" : "still";
    words.elapsed.textContent = clock(backlog.end / BYTES_PER_SECOND);
    buttons.pause.hidden = !microphone || isStopping;
    buttons.pause.querySelector("[data-pause-words]").textContent = isPaused ? "Resume" : "Pause";
    buttons.pause.dataset.paused = String(isPaused);
    // Disabled rather than hidden: nothing moves under a finger.
    buttons.note.disabled = isStopping || !isReady;
    buttons.stop.disabled = isStopping || !isReady || (!microphone && backlog.end === 0);
  }

  function stateWords(waiting) {
    if (link.isClosed) return "Stopped here";
    if (down) return waiting > 1 ? `${down} ${clock(waiting)} of audio is kept in this browser.` : down;
    if (isStopping) return "Waiting for the last words…";
    if (trouble) return trouble;
    if (!isReady) return "Connecting…";
    if (progress.state === "disk_full") return `${progress.reason} Your audio is kept in this browser.`;
    if (progress.state === "rejected") return `The speech server rejects this session: ${progress.reason} The audio is saved.`;
    if (progress.state === "waiting") {
      return `The speech server does not respond. The audio is saved; trying again in ${progress.retry_seconds ?? 0} s.`;
    }
    if (progress.state === "connecting") return "Connecting to the speech server…";
    if (progress.lag) return `Catching up, ${progress.lag} s behind`;
    if (!microphone) return "Ready";
    if (!microphone.isOpen) return "Opening the microphone…";
    if (isPaused) return "Paused";
    if (microphone.isInterrupted) return "The system has interrupted the microphone. It resumes when the call or the other app has ended.";
    if (microphone.needsGesture) return "The browser holds the microphone. Press Pause, then Resume.";
    return "Listening";
  }

  let lock = null;
  async function stayAwake() {
    if (document.hidden || !microphone || !("wakeLock" in navigator)) return;
    if (lock && !lock.released) return;
    lock = await navigator.wakeLock.request("screen").catch(() => null);
  }
}
