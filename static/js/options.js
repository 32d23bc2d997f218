// How recordings are to be transcribed: what the project's server offers, and its presets.

import { lastChosen, remember } from "./chosen.js";
import { ask } from "./problems.js";
import { confirmed } from "./shell.js";

/**
 * The `price` in dollars of an hour of audio, 0 where it is free or not known, and the `speed` of
 * the server: seconds for a second of audio.
 */
export function rateOf({ projects, servers }, project, model) {
  if (!projects[project]) return {};
  const { hour_price: price, server } = projects[project];
  const { hour_prices: prices, speed } = servers[server];
  return { price: prices ? (prices[model] ?? 0) : price, speed };
}

export class Options {
  /**
   * `offers`: the projects with their presets, and what the server of each can do. `given` are the
   * options to begin with, of a recording that has some already; then none are kept for the next.
   */
  constructor(form, offers, given = null) {
    Object.assign(this, { form, offers, given, touched: false });
    this.presets = form.querySelector("[data-presets]");
    this.preset = form.querySelector("[data-preset]");
    this.dialog = document.getElementById("preset");
    form.elements.project.addEventListener("change", () => this.#enter());
    form.addEventListener("change", (event) => {
      if (event.target === this.preset) return this.#choose();
      if (event.target === form.elements.project || event.target === form.elements.url) return;
      this.#fit();
      if (given) return;
      if (this.project) remember(this.project, this.chosen());
      else this.touched = true;
      this.preset.value = "";
      this.#tell();
    });
    if (this.presets) this.#managePresets();
    this.#enter();
  }

  get project() {
    return this.form.elements.project.value;
  }

  /** That of the project; while none is chosen, of the first one. */
  get server() {
    const { projects, servers } = this.offers;
    return servers[(projects[this.project] ?? Object.values(projects)[0]).server];
  }

  get rate() {
    return rateOf(this.offers, this.project, this.form.elements.model.value);
  }

  get listed() {
    return this.offers.projects[this.project]?.presets ?? [];
  }

  get current() {
    return this.listed.find((each) => String(each.id) === this.preset?.value);
  }

  /** Show options that were entered before, in place of the project's own. */
  show(options) {
    this.preset.value = "";
    this.#fill(options);
    this.touched = !this.project;
    this.#tell();
  }

  /** The options as a run of the recognizer takes them, all that can be chosen said outright. */
  chosen() {
    const { model, language, keyterm } = this.form.elements;
    const rest = this.current?.options ?? {};
    const options = { ...rest, model: model.value, language: language.value, redact: [], keyterm: [] };
    delete options.utterances; // the library's own
    delete options.detect_language;
    for (const box of this.form.querySelectorAll("[data-feature] input")) {
      const on = box.checked && !box.disabled;
      if (box.name !== "redact") options[box.name] = on;
      else if (on) options.redact.push(box.value);
    }
    // Servers reject the option beside a model of diarization, which identifies speakers as well.
    if (options.diarize_model) delete options[options.diarize ? "diarize" : "diarize_model"];
    if (!keyterm.disabled) options.keyterm = keyterm.value.split("\n").map((term) => term.trim()).filter(Boolean);
    return options;
  }

  // A project begins with its default preset, else with what was last chosen for it.
  #enter() {
    this.#listModels();
    if (this.given) return this.#fill(this.given);
    this.#list();
    this.presets.hidden = !this.project;
    if (this.touched && this.project) {
      // Chosen before the project: it is kept.
      this.touched = false;
      this.preset.value = "";
      this.#fit();
      remember(this.project, this.chosen());
      this.#tell();
      return;
    }
    const preset = this.listed.find((each) => each.is_default);
    this.preset.value = preset?.id ?? "";
    this.#fill(preset?.options ?? lastChosen(this.project) ?? this.server.first_choice);
    this.#tell();
  }

  // Named choices of this server with what runs, then every model by its name.
  #listModels() {
    const { model } = this.form.elements;
    const chosen = model.value;
    const { named, models } = this.server;
    const given = this.given?.model;
    const names = new Set([...Object.keys(models), ...(given ? [given] : [])]);
    for (const each of named) names.delete(each.model);
    model.replaceChildren(
      ...(named.length ? [group("Choices", named.map((each) => new Option(each.words, each.model)))] : []),
      group("All models", [...names].map((name) => new Option(name, name))),
    );
    pick(model, chosen);
  }

  #choose() {
    if (this.current) this.#fill(this.current.options);
    this.#tell();
  }

  #fill(options) {
    const { model, language, keyterm } = this.form.elements;
    pick(model, options.model ?? "nova-3");
    this.#fitLanguages();
    pick(language, options.detect_language ? "detect" : options.language ?? "en");
    for (const box of this.form.querySelectorAll("[data-feature] input")) {
      box.checked = box.name === "redact" ? Boolean(options.redact?.includes?.(box.value)) : Boolean(options[box.name]);
      if (box.name === "diarize") box.checked ||= Boolean(options.diarize_model);
    }
    keyterm.value = (options.keyterm ?? []).join("\n");
    this.#fit();
  }

  // Only what this model of this server can do in this language.
  #fit() {
    const { model, language, keyterm } = this.form.elements;
    this.#fitLanguages();
    if (language.selectedOptions[0]?.disabled) pick(language, "detect");
    const english = language.value === "detect" || language.value.split("-")[0] === "en";
    for (const feature of this.form.querySelectorAll("[data-feature]")) {
      const fits = (english || !("english" in feature.dataset)) && (this.server.hosted || !("hosted" in feature.dataset));
      feature.hidden = feature.querySelector("input").disabled = !fits;
    }
    for (const group of this.form.querySelectorAll("[data-group], [data-rare]")) {
      group.hidden = !group.querySelector("[data-feature]:not([hidden])");
    }
    // What is chosen is not hidden away.
    const rare = this.form.querySelector("[data-rare]");
    rare.open ||= rare.querySelector("input:checked:not(:disabled)") !== null;
    keyterm.disabled = !model.value.startsWith(this.offers.keyterm_models);
    keyterm.closest("[data-keyterm]").hidden = keyterm.disabled;
  }

  #fitLanguages() {
    const { model, language } = this.form.elements;
    const tags = this.server.models[model.value] ?? [];
    // What was chosen before stays possible, listed or not.
    const before = model.value === this.given?.model ? [this.given.language] : [];
    for (const option of language.options) {
      option.hidden = option.disabled = tags.length > 0 && !["detect", ...before, ...tags].includes(option.value);
    }
  }

  #list() {
    const options = this.listed.map((each) => new Option(each.is_default ? `${each.name} (default)` : each.name, each.id));
    this.preset.replaceChildren(this.preset.options[0], ...options);
  }

  #tell() {
    const { current } = this;
    const set = this.presets.querySelector("[data-preset-default]");
    set.hidden = !current;
    set.querySelector("[data-preset-default-words]").textContent = current?.is_default
      ? "Not by default"
      : "Use by default";
    this.presets.querySelector("[data-preset-delete]").hidden = !current;
  }

  #managePresets() {
    const { presets, dialog } = this;
    const saving = dialog.querySelector("[data-preset-form]");
    const problem = dialog.querySelector("[data-preset-problem]");
    dialog.addEventListener("close", () => {
      saving.reset();
      problem.hidden = true;
    });
    presets.querySelector("[data-open-dialog]").addEventListener("click", () => {
      saving.elements.name.value = this.current?.name ?? "";
      saving.elements.is_default.checked = Boolean(this.current?.is_default);
    });
    dialog.querySelector("[data-preset-cancel]").addEventListener("click", () => dialog.close());
    saving.addEventListener("submit", async (event) => {
      event.preventDefault();
      const { name, is_default: isDefault } = saving.elements;
      const fields = { project: this.project, name: name.value, options: JSON.stringify(this.chosen()) };
      const said = await this.#send(presets.dataset.url, isDefault.checked ? { ...fields, is_default: "on" } : fields);
      problem.textContent = said.error ?? "";
      problem.hidden = !said.error;
      if (said.error) return;
      this.#take(said, said.id, `“${name.value}” is saved.`);
      dialog.close();
    });
    presets.querySelector("[data-preset-default]").addEventListener("click", async () => {
      const { id, name, is_default: was } = this.current;
      const said = await this.#send(`${presets.dataset.url}${id}/default/`, was ? {} : { is_default: "on" });
      this.#take(said, id, was ? `“${name}” is no longer the default.` : `“${name}” is used by default.`);
    });
    presets.querySelector("[data-preset-delete]").addEventListener("click", async () => {
      const { id, name } = this.current;
      const sure = await confirmed({
        title: `Delete the preset “${name}”?`,
        text: "It is deleted for everybody in the project. Recordings keep the options they were made with.",
        yes: "Delete",
      });
      if (sure) this.#take(await this.#send(`${presets.dataset.url}${id}/delete/`, {}), "", `“${name}” is deleted.`);
    });
  }

  #take(said, id, words) {
    if (!said.error) {
      this.offers.projects[this.project].presets = said.presets;
      this.#list();
      this.preset.value = id;
      this.#tell();
    }
    this.presets.querySelector("[data-preset-words]").textContent = said.error ?? words;
    this.presets.querySelector("details").open = false;
  }

  async #send(url, fields) {
    try {
      return await (await ask(url, { method: "POST", body: new URLSearchParams(fields) })).json();
    } catch (error) {
      return { error: error.message };
    }
  }
}

function group(label, options) {
  const made = Object.assign(document.createElement("optgroup"), { label });
  made.append(...options);
  return made;
}

function pick(select, value) {
  const known = [...select.options].find((option) => option.value === value && !option.disabled);
  const first = [...select.options].find((option) => !option.disabled);
  select.value = (known ?? first)?.value ?? "";
}
