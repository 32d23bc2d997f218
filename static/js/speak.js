// Speak: text into sound over a socket, and files of what was spoken.

import { ask, SIGN_IN } from "./problems.js";
import { Player } from "./sound.js";

const CLOSED = {
  1012: "The server is being restarted. Try again in a moment.",
  4401: `${SIGN_IN}.`,
  4404: "You may not add to this project any more.",
};

class Speech {
  constructor(form) {
    this.form = form;
    this.fields = form.elements;
    this.start = form.querySelector("[data-start]");
    this.stopButton = form.querySelector("[data-stop]");
    this.state = form.querySelector("[data-state]");
    this.problem = form.querySelector("[data-problem]");
    this.sample = form.querySelector("[data-sample]");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.speak();
    });
    this.sample?.addEventListener("click", () => this.#begin({ type: "Sample" }));
    this.stopButton.addEventListener("click", () => this.stop());
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.speak();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !document.querySelector("dialog[open]")) this.stop();
    });
  }

  speak() {
    const text = this.fields.text.value.trim();
    if (!text) {
      this.#tell("Enter a text.");
      this.fields.text.focus();
      return;
    }
    const speed = Number(this.fields.speed.value);
    this.#begin({ type: "Speak", text, ...(speed === 1 ? {} : { speed }) });
  }

  /** Stop means stop: no more sound, and the server makes no more. */
  stop() {
    if (!this.socket) return;
    this.#over("Stopped.");
  }

  #begin(message) {
    if (!this.fields.model) return;
    this.#over("");
    this.#tell("");
    this.state.textContent = "Starting…";
    this.stopButton.disabled = false;
    const player = new Player({ onFirst: (ms) => this.#first(ms), onEnd: () => this.#over(this.done) });
    const socket = new WebSocket(new URL(this.form.dataset.socket, location).href.replace(/^http/, "ws"));
    socket.binaryType = "arraybuffer";
    Object.assign(this, { socket, player, done: "", first: "" });
    const { project, model } = this.fields;
    socket.addEventListener("open", () => socket.send(JSON.stringify({ ...message, project: project.value, model: model.value })));
    socket.addEventListener("message", ({ data }) => {
      if (socket !== this.socket) return;
      if (typeof data === "string") this.#hear(JSON.parse(data));
      else player.play(data);
    });
    socket.addEventListener("close", ({ code }) => {
      if (socket === this.socket && !player.isComplete) this.#fail(CLOSED[code] ?? "Connection lost. What was spoken until now is not kept.");
    });
  }

  #hear(message) {
    if (message.type === "Failed") this.#fail(message.message);
    if (message.type === "Spoken") {
      this.done = this.first;
      this.player.complete();
      if (message.url) showClip(message.url);
    }
  }

  #first(ms) {
    this.first = `First sound after ${(ms / 1000).toFixed(2)} s.`;
    this.state.textContent = `Speaking. ${this.first}`;
  }

  #fail(words) {
    this.#over("");
    this.#tell(words);
  }

  #tell(words) {
    this.problem.textContent = words;
    this.problem.hidden = !words;
  }

  #over(words) {
    const { socket, player } = this;
    this.socket = this.player = null;
    player?.stop();
    socket?.close();
    this.stopButton.disabled = true;
    this.state.textContent = words;
  }
}

async function showClip(url) {
  const response = await ask(url);
  const list = document.querySelector("[data-clips]");
  list.insertAdjacentHTML("afterbegin", await response.text());
  window.htmx?.process(list.firstElementChild);
  document.querySelector("[data-no-clips]").hidden = true;
}

class Download {
  constructor(dialog, formats) {
    Object.assign(this, { dialog, formats });
    this.form = dialog.querySelector("[data-format]");
    this.fields = this.form.elements;
    this.problem = dialog.querySelector("[data-format-problem]");
    this.state = dialog.querySelector("[data-format-state]");
    this.fields.encoding.addEventListener("change", () => this.#fit());
    dialog.querySelector("[data-format-cancel]").addEventListener("click", () => dialog.close());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#make();
    });
  }

  open(url, model) {
    this.url = url;
    this.choices = this.formats[model.startsWith("flux-") ? "v2" : "v1"];
    const chosen = this.fields.encoding.value;
    fill(this.fields.encoding, Object.entries(this.choices).map(([value, { name }]) => [value, name]), chosen);
    this.#fit();
    this.#tell("");
    this.dialog.showModal();
  }

  // Only the combinations that exist.
  #fit() {
    const { containers, sample_rates, bit_rates, bit_rate } = this.choices[this.fields.encoding.value];
    fill(this.fields.container, containers.map((each) => [each, each === "none" ? "None, raw audio" : each.toUpperCase()]));
    fill(this.fields.sample_rate, sample_rates.map((each) => [each, `${each.toLocaleString("en")} Hz`]));
    fill(this.fields.bit_rate, bit_rates.map((each) => [each, `${(each / 1000).toLocaleString("en")} kbit/s`]), bit_rate);
  }

  async #make() {
    this.#tell("");
    this.state.textContent = "The file is being made…";
    const values = [...new FormData(this.form)].filter(([name]) => !this.fields[name].disabled);
    try {
      const response = await ask(this.url, { method: "POST", body: new URLSearchParams(values) });
      const name = /filename\*?=(?:utf-8'')?"?([^";]+)/i.exec(response.headers.get("Content-Disposition") ?? "")?.[1];
      save(await response.blob(), decodeURIComponent(name ?? "clip"));
      this.dialog.close();
    } catch (error) {
      this.#tell(error.message);
    }
    this.state.textContent = "";
  }

  #tell(words) {
    this.problem.textContent = words;
    this.problem.hidden = !words;
  }
}

function fill(select, options, chosen = "") {
  select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
  if (options.some(([value]) => String(value) === String(chosen))) select.value = chosen;
  select.disabled = options.length === 0;
  select.closest("p").hidden = options.length === 0;
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

const form = document.querySelector("[data-speak]");
if (form) {
  const speech = new Speech(form);
  const { text, project, model, speed } = form.elements;
  const limits = JSON.parse(document.getElementById("speeds").textContent);
  const formats = JSON.parse(document.getElementById("formats").textContent);
  const download = new Download(document.getElementById("format"), formats);

  const count = () => {
    const length = text.value.length;
    form.querySelector("[data-count]").textContent = `${length.toLocaleString("en")} ${length === 1 ? "character" : "characters"}`;
  };
  // The text survives a reload and the change to another project.
  text.value = sessionStorage.getItem("speak") ?? "";
  text.addEventListener("input", () => {
    sessionStorage.setItem("speak", text.value);
    count();
  });
  count();

  const fit = () => {
    const [slowest, fastest] = limits[model.value.startsWith("flux-") ? "v2" : "v1"];
    Object.assign(speed, { min: slowest, max: fastest });
    form.querySelector("[data-speed]").textContent = Number(speed.value).toLocaleString("en");
  };
  const kept = localStorage.getItem("voice");
  if (model && [...model.options].some(({ value }) => value === kept)) model.value = kept;
  model?.addEventListener("change", () => {
    localStorage.setItem("voice", model.value);
    fit();
  });
  speed?.addEventListener("input", fit);
  if (model) fit();
  project.addEventListener("change", () => location.assign(`?project=${project.value}`));
  window.addEventListener("pagehide", () => speech.stop());

  document.querySelector("[data-clips]").addEventListener("click", ({ target }) => {
    const button = target.closest("[data-download], [data-reuse]");
    if (!button) return;
    button.closest("details").open = false;
    if (button.dataset.download) return download.open(button.dataset.download, button.dataset.model);
    text.value = button.closest(".clip").querySelector("[data-clip-text]").textContent;
    text.dispatchEvent(new Event("input"));
    text.focus();
  });
}
