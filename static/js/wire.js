// The record of a call's messages: a list, latencies of each turn, function calls.

import { clock } from "./clock.js";

const AT_ONCE = 500; // rows that are made before the next frame
// Tokens of a language model as OpenAI, Anthropic and Google name them.
const TOKENS_READ = ["prompt_tokens", "input_tokens", "promptTokenCount"];
const TOKENS_WRITTEN = ["completion_tokens", "output_tokens", "candidatesTokenCount"];
const ROUNDING_SECONDS = 0.05; // of latencies that are reported each for itself
const SHOWN = ["content", "message", "description", "code", "request_id", "prompt", "frames"];

// Fires "open" with `at` when a message or a turn is clicked.
export class Wire extends EventTarget {
  constructor(root) {
    super();
    const find = (name) => root.querySelector(`[data-${name}]`);
    Object.assign(this, {
      list: find("messages"),
      kind: find("wire-kind"),
      counts: find("wire-counts"),
      turns: find("turns"),
      turnsPart: find("wire-turns"),
      tokensNote: find("tokens-note"),
      functions: find("functions"),
      functionsPart: find("wire-functions"),
    });
    this.entries = new Map(); // by sequence
    this.rows = new Map();
    this.waiting = new Set(); // sequences that are to be drawn
    this.kinds = new Map();
    this.last = 0; // the newest sequence
    this.hour = Number(root.dataset.hour); // dollars for an hour of open time, 0 without a price
    this.kind.addEventListener("change", () => this.#filter());
  }

  add(entry) {
    if (!this.entries.has(entry.sequence)) this.kinds.set(entry.kind, (this.kinds.get(entry.kind) ?? 0) + 1);
    this.entries.set(entry.sequence, entry);
    this.last = Math.max(this.last, entry.sequence);
    this.waiting.add(entry.sequence);
    this.frame ??= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.frame = null;
    const follows = this.list.scrollTop + this.list.clientHeight >= this.list.scrollHeight - 8;
    const now = [...this.waiting].slice(0, AT_ONCE);
    for (const sequence of now) {
      this.waiting.delete(sequence);
      this.#row(this.entries.get(sequence));
    }
    if (this.waiting.size) this.frame = requestAnimationFrame(() => this.#draw());
    if (follows) this.list.scrollTop = this.list.scrollHeight;
    this.#summarise();
  }

  #row(entry) {
    const row = this.rows.get(entry.sequence) ?? document.createElement("li");
    const isNew = !this.rows.has(entry.sequence);
    row.className = entry.direction;
    row.dataset.kind = entry.kind;
    row.hidden = Boolean(this.kind.value) && this.kind.value !== entry.kind;
    const way = entry.direction === "up" ? "↑" : "↓";
    const summary = make("summary", "", [
      make("span", "number soft", precise(entry.at)),
      make("span", "wire-way", way, { title: entry.direction === "up" ? "to the agent" : "from the agent" }),
      make("span", "wire-kind", entry.kind || "(no type)"),
      make("span", "soft", gist(entry)),
    ]);
    summary.addEventListener("click", () => this.#open(entry.at));
    const details = make("details", "", [summary]);
    details.open = row.querySelector("details")?.open ?? false;
    // The JSON of a long call is made when somebody looks at it.
    const fill = () => {
      if (details.open && !details.querySelector("pre")) {
        details.append(make("pre", "wire-json", JSON.stringify(entry.body, null, 2)));
      }
    };
    details.addEventListener("toggle", fill);
    fill();
    row.replaceChildren(details);
    if (!isNew) return;
    this.rows.set(entry.sequence, row);
    this.list.append(row);
  }

  #open(at) {
    this.dispatchEvent(Object.assign(new Event("open"), { at }));
  }

  #filter() {
    for (const row of this.rows.values()) row.hidden = Boolean(this.kind.value) && this.kind.value !== row.dataset.kind;
  }

  #summarise() {
    const entries = [...this.entries.values()].sort((one, other) => one.sequence - other.sequence);
    const audio = entries.filter((each) => each.kind === "Audio");
    const frames = audio.reduce((sum, each) => sum + each.body.frames, 0);
    const seconds = audio.reduce((sum, each) => sum + each.body.seconds, 0);
    const sound = frames ? `, ${frames} frames of audio from the agent (${clock(seconds)})` : "";
    this.counts.textContent = `${entries.length} messages${sound}`;
    for (const [kind, count] of this.kinds) {
      const option = [...this.kind.options].find(({ value }) => value === kind && value);
      if (option) option.text = `${kind} (${count})`;
      else this.kind.append(new Option(`${kind || "(no type)"} (${count})`, kind));
    }
    this.#latencies(turnsOf(entries));
    this.#calls(entries);
  }

  #latencies(turns) {
    const measured = turns.filter((turn) => turn.total !== undefined);
    this.turnsPart.hidden = measured.length === 0;
    const longest = Math.max(0.1, ...measured.map((turn) => sum(turn.parts) + turn.other));
    this.tokensNote.hidden = measured.some(({ tokens }) => tokens);
    this.turns.replaceChildren(
      ...measured.map((turn) => {
        const names = ["wire-heard", "wire-thought", "wire-spoken", "wire-other"];
        const bar = make(
          "span",
          "wire-bar",
          [...turn.parts, turn.other].map((part, index) => {
            const piece = make("span", names[index]);
            piece.style.width = `${(100 * part) / longest}%`;
            return piece;
          }),
        );
        bar.setAttribute("aria-hidden", "true");
        const [heard, thought, spoken] = turn.parts.map(said);
        const button = make("button", "wire-turn", [
          make("span", "wire-said", [
            make("span", "wire-words", turn.text),
            make("strong", "number", said(turn.total)),
          ]),
          bar,
          make(
            "span",
            "small soft number",
            `words ${heard}, first token ${thought}, first audio ${spoken}` +
              `${turn.other ? `, function calls and waiting ${said(turn.other)}` : ""}${turn.reported ? "" : ", measured by Earshot"}` +
              `${used(turn)}${this.hour ? `; about $${dollars((turn.seconds / 3600) * this.hour)}` : ""}`,
          ),
        ]);
        button.type = "button";
        button.addEventListener("click", () => this.#open(turn.at));
        return make("li", "", [button]);
      }),
    );
  }

  #calls(entries) {
    const results = new Map();
    for (const { kind, at, body } of entries) {
      if (kind === "FunctionCallResponse") results.set(body.id, { at, content: body.content });
      if (kind === "FunctionCallCancelled") for (const { id } of body.functions ?? []) results.set(id, { at, content: null });
    }
    const items = entries
      .filter(({ kind }) => kind === "FunctionCallRequest")
      .flatMap(({ at, body }) => (body.functions ?? []).map((call) => ({ at, ...call, result: results.get(call.id) })))
      .map(({ at, name, arguments: given, result }) => {
        const end = result === undefined ? "waits for its result" : `${said(result.at - at)}`;
        const outcome = result === undefined ? "" : result.content === null ? "cancelled" : String(result.content);
        return make("li", "", [
          make("strong", "", name),
          make("span", "soft", ` ${given ?? ""} `),
          make("span", "small soft number", `${precise(at)}, ${end}`),
          make("details", "", [make("summary", "small", "Result"), make("pre", "wire-json", outcome)]),
        ]);
      });
    if (items.length === this.drawnCalls && results.size === this.drawnResults) return;
    Object.assign(this, { drawnCalls: items.length, drawnResults: results.size });
    this.functionsPart.hidden = items.length === 0;
    this.functions.replaceChildren(...items);
  }
}

/**
 * Turns of the user with the seconds to the words, to the first token and to the first audio after them, the open
 * time until the next turn, and the tokens, if the server sends them.
 */
export function turnsOf(entries) {
  const turns = [];
  for (const { kind, at, body } of entries) {
    const turn = turns.at(-1);
    if (kind === "ConversationText" && body.role === "user") {
      turns.push({ at, text: body.content, words: at, report: {} });
    } else if (!turn) {
      // The greeting belongs to no turn.
    } else if (kind === "ConversationText") {
      turn.token ??= at;
    } else if (kind === "Audio") {
      turn.audio ??= at;
    } else if (kind === "LatencyReport") {
      Object.assign(turn.report, body);
    }
    if (turns.length) count(turns.at(-1), body);
  }
  const last = entries.at(-1)?.at;
  turns.forEach((turn, index) => {
    turn.seconds = (turns[index + 1]?.at ?? last) - turn.at;
    measure(turn);
  });
  return turns;
}

// What the server reports counts more than our clock, which includes the way.
function measure(turn) {
  const { report } = turn;
  const token = report.ttt_token_latency ?? report.ttt_text_latency;
  const parts = [
    report.stt_latency ?? 0,
    token ?? (turn.token === undefined ? 0 : Math.max(0, turn.token - turn.words)),
    report.tts_latency ?? (turn.audio === undefined ? 0 : Math.max(0, turn.audio - (turn.token ?? turn.words))),
  ];
  turn.parts = parts;
  turn.reported = report.total_latency !== undefined;
  if (turn.reported) turn.total = report.total_latency;
  else if (turn.audio !== undefined) turn.total = turn.audio - turn.words + parts[0];
  const other = turn.total - sum(parts);
  turn.other = other > ROUNDING_SECONDS ? other : 0;
}

// A turn has several requests to the language model when it calls functions.
function count(turn, body) {
  const usage = body.usage ?? body.usageMetadata ?? body.content?.usage ?? body.content?.usageMetadata;
  if (typeof usage !== "object" || usage === null) return;
  const number = (names) => Number(usage[names.find((name) => Number.isFinite(usage[name]))] ?? 0);
  turn.tokens ??= { read: 0, written: 0 };
  turn.tokens.read += number(TOKENS_READ);
  turn.tokens.written += number(TOKENS_WRITTEN);
}

function used({ tokens }) {
  return tokens ? `; ${tokens.read} tokens read, ${tokens.written} written` : "";
}

function dollars(amount) {
  return amount.toFixed(amount < 0.1 ? 4 : 2);
}

function sum(numbers) {
  return numbers.reduce((total, each) => total + each, 0);
}

function said(seconds) {
  return `${seconds.toFixed(2)} s`;
}

function precise(seconds) {
  const tenths = Math.round(seconds * 10);
  return `${clock(tenths / 10)}.${tenths % 10}`;
}

// The words of a message that tell it from others of its type.
function gist({ kind, body }) {
  if (kind === "Audio") return `${body.frames} frames, ${said(body.seconds)}`;
  if (kind === "LatencyReport") {
    return Object.entries(body)
      .map(([name, value]) => `${name.replace("_latency", "")} ${said(Number(value))}`)
      .join(", ");
  }
  if (Array.isArray(body.functions)) return body.functions.map(({ name }) => name).join(", ");
  const name = SHOWN.find((each) => typeof body[each] === "string");
  return name ? (body.role ? `${body.role}: ${body[name]}` : body[name]) : "";
}

function make(tag, name = "", inside = "", attributes = {}) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...(Array.isArray(inside) ? inside : [inside]));
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  return element;
}
