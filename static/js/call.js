// A call with an agent: the microphone up, the agent's voice down, and everything both sides say.

import { clock } from "./clock.js";
import { Link } from "./link.js";
import { Microphone, problem } from "./microphone.js";
import { typing } from "./shell.js";
import { Loudspeaker } from "./sound.js";
import { sessionTab } from "./tab.js";
import { Wire } from "./wire.js";

const RATE = 24_000; // of `transcripts/calls/tracks.py`
const POSITION_BYTES = 8;
const FRAME_SECONDS = 0.02; // a longer frame would delay the end of the agent's voice at an interruption
const EARLY_FRAMES = 10 / FRAME_SECONDS; // before the call is connected
// A microphone's clock and ours differ less than this until a frame was missed.
const DRIFT_SECONDS = 0.3;
const LATE_SECONDS = 0.1; // less is the page's own delay
const QUIET_PEAK = 0.02; // of full scale
const PAUSE_FRAMES = 0.2 / FRAME_SECONDS;
const FULL_BYTES = 512 * 1024; // that the socket may hold: newer audio is dropped, a talk is now

function Call(root) {
  const find = (name) => root.querySelector(`[data-${name}]`);
  const tab = sessionTab();
  const link = new Link(address);
  const wire = new Wire(find("wire"));
  const conversation = new Conversation(find("conversation"), root.dataset.agent);
  const asked = new Asked(find("asked"), document.querySelector("[data-asked-template]"), (result) => link.send(result));
  const words = { state: find("state"), problem: find("problem"), warning: find("warning"), cost: find("cost") };
  const buttons = {};
  for (const name of ["start", "write", "take", "hold", "mute", "silence", "end"]) buttons[name] = find(name);
  const fields = { mode: find("mode"), microphone: find("microphone"), loudspeaker: find("loudspeaker"), volume: find("volume") };
  const say = find("say");
  const level = find("level");

  let speaker = null;
  let microphone = null;
  let early = []; // frames before the call is connected
  let begun = null; // when the call began, by the clock of this page
  let position = null; // sample of the call at which the next frame begins
  let quietFrames = 0; // in a row
  let isTalking = false; // what is heard is sent
  let isMuted = false;
  let isSpoken = false; // begun with the microphone, not in writing
  let isEnding = false;
  let takes = false;
  let hour = 0; // dollars
  let trouble = "";
  let down = "";
  let interrupted = null; // texts of the agent at its last interruption

  function address() {
    const query = new URLSearchParams({ tab, after: wire.last });
    if (takes) query.set("take", "1");
    return `${root.dataset.socket}?${query}`;
  }

  this.start = () => {
    fields.mode.value = localStorage.getItem("call-mode") ?? "open";
    fields.volume.value = localStorage.getItem("call-volume") ?? "1";
    link.addEventListener("message", ({ data }) => receive(data));
    link.addEventListener("audio", ({ data }) => play(data));
    link.addEventListener("down", ({ words: reason, seconds }) => {
      down = `${reason} Trying again in ${seconds} s.`;
      show();
    });
    link.addEventListener("close", closed);
    buttons.start.addEventListener("click", () => begin(true));
    buttons.write.addEventListener("click", () => begin(false));
    buttons.take.addEventListener("click", async () => {
      takes = buttons.take.hidden = true;
      // What this tab lost with the call is opened again.
      if (!(await begin(isSpoken))) buttons.take.hidden = false;
    });
    buttons.silence.addEventListener("click", silence);
    buttons.end.addEventListener("click", end);
    buttons.mute.addEventListener("click", () => {
      isMuted = !isMuted;
      listen();
    });
    buttons.hold.addEventListener("pointerdown", (event) => {
      buttons.hold.setPointerCapture(event.pointerId);
      hold(true);
    });
    for (const name of ["pointerup", "pointercancel", "blur"]) buttons.hold.addEventListener(name, () => hold(false));
    for (const [name, on] of [["keydown", true], ["keyup", false]]) {
      buttons.hold.addEventListener(name, (event) => {
        if (event.key !== " " && event.key !== "Enter") return;
        event.preventDefault();
        if (!event.repeat) hold(on);
      });
      addEventListener(name, (event) => {
        if (event.key !== "t" || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
        if (on && typing(event.target)) return;
        if (!buttons.hold.hidden) hold(on);
      });
    }
    addEventListener("keydown", (event) => {
      if (event.key === "x" && !typing(event.target) && !event.ctrlKey && !event.metaKey) silence();
    });
    say.addEventListener("submit", (event) => {
      event.preventDefault();
      const { text } = say.elements;
      if (!text.value.trim()) return;
      quiet();
      link.send({ type: "Say", text: text.value });
      text.value = "";
    });
    fields.mode.addEventListener("change", () => {
      localStorage.setItem("call-mode", fields.mode.value);
      listen();
    });
    fields.volume.addEventListener("input", () => {
      localStorage.setItem("call-volume", fields.volume.value);
      if (speaker) speaker.volume = Number(fields.volume.value);
    });
    fields.microphone.addEventListener("change", async () => {
      if (!microphone) return;
      microphone.stop();
      await open();
      listen();
    });
    fields.loudspeaker.addEventListener("change", () => speaker?.context.setSinkId(fields.loudspeaker.value));
    addEventListener("beforeunload", (event) => {
      if (begun !== null && !isEnding) event.preventDefault();
    });
    buttons.start.disabled = buttons.write.disabled = false;
    setInterval(show, 500);
    show();
  };

  // The microphone and the player are ready before the call begins: no first word is cut.
  async function begin(withMicrophone) {
    isSpoken = withMicrophone;
    words.problem.hidden = true;
    speaker ??= newSpeaker();
    await speaker.context.resume().catch(() => {});
    if (withMicrophone && !(await open())) return false;
    buttons.start.hidden = buttons.write.hidden = true;
    link.connect();
    listDevices();
    listen();
    return true;
  }

  function newSpeaker() {
    const made = new Loudspeaker();
    made.volume = Number(fields.volume.value);
    made.addEventListener("dry", show);
    return made;
  }

  async function open() {
    const device = fields.microphone.value;
    microphone = new Microphone(root.dataset.recorder, { rate: RATE, frameSeconds: FRAME_SECONDS, device, cancelsEcho: true });
    microphone.addEventListener("frame", ({ audio, peak }) => {
      level.value = isTalking && peak > 0 ? Math.max(0, 1 + Math.log10(peak) / 2.5) : 0;
      if (isTalking) hear({ audio, peak });
      else position = null;
    });
    microphone.addEventListener("trouble", ({ words: reason }) => {
      trouble = reason;
      show();
    });
    microphone.addEventListener("end", () => {
      microphone?.stop();
      microphone = null;
      trouble = "The microphone was disconnected. You can still write.";
      listen();
    });
    try {
      await microphone.start("microphone");
      position = null;
    } catch (error) {
      microphone = null;
      words.problem.textContent = problem(error);
      words.problem.hidden = false;
    }
    return microphone !== null;
  }

  async function listDevices() {
    const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
    offer(fields.microphone, devices.filter(({ kind }) => kind === "audioinput"));
    const outputs = devices.filter(({ kind }) => kind === "audiooutput");
    find("loudspeakers").hidden = !outputs.length || !("setSinkId" in AudioContext.prototype);
    offer(fields.loudspeaker, outputs);
  }

  function hear({ audio, peak }) {
    if (begun === null || !link.isOpen) {
      early.push({ audio, peak });
      early = early.slice(-EARLY_FRAMES);
      return;
    }
    quietFrames = peak < QUIET_PEAK ? quietFrames + 1 : 0;
    if (link.buffered > FULL_BYTES) return;
    const samples = audio.length / 2;
    const now = samplesUntilNow() - samples;
    if (position === null || now - position > DRIFT_SECONDS * RATE) position = Math.max(0, now);
    // What was said before the call began comes late; pauses are shortened until nothing is late.
    if (position - now > LATE_SECONDS * RATE && quietFrames > PAUSE_FRAMES) return;
    const frame = new Uint8Array(POSITION_BYTES + audio.length);
    new DataView(frame.buffer).setBigUint64(0, BigInt(position), true);
    frame.set(audio, POSITION_BYTES);
    link.send(frame);
    position += samples;
  }

  function samplesUntilNow() {
    return Math.round(((performance.now() - begun) / 1000) * RATE);
  }

  function play(data) {
    if (interrupted?.isPlain) {
      // Sound again, and nobody has said anything: it was the agent that was heard.
      interrupted = null;
      find("echo").hidden = false;
    }
    speaker?.play(data);
    show();
  }

  function quiet() {
    speaker?.clear();
    show();
  }

  function silence() {
    if (!speaker?.isPlaying) return;
    quiet();
    link.send({ type: "Silence" });
  }

  function hold(on) {
    if (on === isTalking || begun === null) return;
    isTalking = on;
    buttons.hold.classList.toggle("held", on);
    if (on) quiet();
    else link.send({ type: "EndTurn" });
    show();
  }

  // Who is heard now: everybody, nobody, or whoever holds the button.
  function listen() {
    const wasTalking = isTalking;
    isTalking = Boolean(microphone) && fields.mode.value === "open" && !isMuted;
    // No silence is sent, in which the server would notice that nobody speaks any more.
    if (wasTalking && !isTalking && begun !== null) link.send({ type: "EndTurn" });
    show();
  }

  function receive(message) {
    down = "";
    if (message.type === "Call") {
      takes = false;
      begun = performance.now() - message.at * 1000;
      const samples = early.reduce((sum, { audio }) => sum + audio.length / 2, 0);
      position = samples ? Math.max(0, samplesUntilNow() - samples) : null;
      for (const frame of early.splice(0)) hear(frame);
    } else if (message.type === "Wire") {
      record(message);
    } else if (message.type === "Silence") {
      if (message.interrupted && speaker?.isPlaying) interrupted = { isPlain: true };
      quiet();
    } else if (message.type === "Asked") {
      asked.add(message);
    } else if (message.type === "Withdrawn") {
      asked.remove(message.id);
    } else if (message.type === "Cost") {
      hour = wire.hour = message.hour;
      words.warning.textContent = message.warning;
      words.warning.hidden = !message.warning;
    } else if (message.type === "Ending") {
      isEnding = true;
      quiet();
    } else if (message.type === "Ended") {
      ended(message);
    } else if (message.type === "Problem") {
      words.problem.textContent = message.message;
      words.problem.hidden = false;
    }
    show();
  }

  function record(entry) {
    const isNew = entry.sequence > wire.last;
    wire.add(entry);
    if (entry.kind !== "ConversationText" || !isNew) return;
    const { role, content, conversational_behavior: behavior } = entry.body;
    if (role === "user") {
      if (behavior !== "backchannel" && interrupted && !conversation.isEcho(content)) interrupted = null;
      else if (interrupted) find("echo").hidden = false;
    }
    conversation.add(role, content);
  }

  function end() {
    isEnding = true;
    quiet();
    stopMicrophone();
    link.send({ type: "Stop" });
    show();
  }

  function stopMicrophone() {
    microphone?.stop();
    microphone = null;
    isTalking = false;
    level.value = 0;
  }

  function ended({ url, reason }) {
    isEnding = true;
    link.close();
    stopMicrophone();
    speaker?.close();
    if (reason) {
      words.problem.textContent = `The call has ended: ${reason}`;
      words.problem.hidden = false;
    }
    location.assign(url);
  }

  function closed({ code, words: reason }) {
    stopMicrophone();
    quiet();
    if (isEnding) return;
    if (code === 1000) {
      // The server has said why the call cannot begin.
      buttons.start.hidden = buttons.write.hidden = false;
      return;
    }
    words.problem.textContent = reason;
    words.problem.hidden = false;
    buttons.take.hidden = code !== 4409;
    show();
  }

  function show() {
    const isOn = begun !== null && !isEnding;
    words.state.textContent = stateWords();
    root.dataset.state = trouble ? "trouble" : down ? "down" : isTalking ? "hearing" : "still";
    root.dataset.sound = speaker?.isPlaying ? "playing" : "silent";
    buttons.hold.hidden = !isOn || !microphone || fields.mode.value !== "button";
    buttons.mute.hidden = !isOn || !microphone || fields.mode.value !== "open";
    buttons.mute.setAttribute("aria-pressed", String(isMuted));
    buttons.silence.hidden = buttons.end.hidden = !isOn;
    buttons.silence.disabled = !speaker?.isPlaying;
    say.elements.text.disabled = !isOn;
    say.querySelector("button").disabled = !isOn;
    if (!isOn) return;
    const seconds = (performance.now() - begun) / 1000;
    find("elapsed").textContent = clock(seconds);
    words.cost.hidden = !hour;
    words.cost.textContent = `about $${((seconds / 3600) * hour).toFixed(2)}`;
  }

  function stateWords() {
    if (isEnding) return "The call is being saved…";
    if (down) return down;
    if (link.isClosed && begun !== null) return "Stopped here";
    if (trouble) return trouble;
    if (begun === null) return buttons.start.hidden ? "Connecting…" : "Not connected";
    if (speaker?.isPlaying) return `${root.dataset.agent} speaks`;
    if (isTalking) return "Listening";
    if (!microphone) return "Write to the agent";
    return isMuted ? "Muted" : "Hold the button to talk";
  }
}

function offer(select, devices) {
  const chosen = select.value;
  const named = devices.filter(({ deviceId, label }) => deviceId && label);
  select.replaceChildren(select.options[0], ...named.map(({ deviceId, label }) => new Option(label, deviceId)));
  select.value = named.some(({ deviceId }) => deviceId === chosen) ? chosen : "";
}

// What both sides said, the newest at the end.
class Conversation {
  constructor(list, agent) {
    Object.assign(this, { list, agent, last: "" });
  }

  add(role, content) {
    const isMine = role === "user";
    // Sentences of one reply are one paragraph.
    if (!isMine && this.list.lastElementChild?.dataset.role === role) {
      this.list.lastElementChild.append(` ${content}`);
      this.last += ` ${content}`;
    } else {
      const turn = document.createElement("p");
      turn.className = isMine ? "call-turn mine" : "call-turn";
      turn.dataset.role = role;
      const name = document.createElement("span");
      name.className = "speaker";
      name.textContent = isMine ? "You" : this.agent;
      turn.append(name, content);
      this.list.append(turn);
      if (!isMine) this.last = content;
    }
    this.list.scrollTop = this.list.scrollHeight;
  }

  /** Whether these are words that the agent has just said. */
  isEcho(content) {
    const mine = plain(content);
    return mine.length > 0 && mine.every((word) => plain(this.last).includes(word));
  }
}

function plain(text) {
  return text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [];
}

// Function calls that wait for a result by hand.
class Asked {
  constructor(list, template, send) {
    Object.assign(this, { list, template, send });
    this.forms = new Map();
  }

  add({ id, name, description, arguments: given, changes }) {
    if (this.forms.has(id)) return;
    const form = this.template.content.firstElementChild.cloneNode(true);
    form.querySelector("[data-name]").textContent = name;
    form.querySelector("[data-description]").textContent = description;
    form.querySelector("[data-changes]").hidden = !changes;
    form.querySelector("[data-arguments]").textContent = pretty(given);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#respond(id, form.elements.content.value);
    });
    form.querySelector("[data-decline]").addEventListener("click", () => {
      this.#respond(id, JSON.stringify({ error: "the user declined" }));
    });
    this.forms.set(id, form);
    this.list.append(form);
    if (!typing(document.activeElement)) form.elements.content.focus();
  }

  remove(id) {
    this.forms.get(id)?.remove();
    this.forms.delete(id);
  }

  #respond(id, content) {
    this.send({ type: "Result", id, content });
    this.remove(id);
  }
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

const page = document.querySelector("[data-call]");
if (page) new Call(page).start();
