// The library: filters without empty words in the address, selection, keys, files dropped on it.

import { lastChosen } from "./chosen.js";
import { ask } from "./problems.js";
import "./rows.js";
import { confirmed, typing } from "./shell.js";
import { filesOf, Uploads } from "./uploads.js";

document.addEventListener("htmx:configRequest", (event) => {
  if (!event.target.matches("[data-filters]")) return;
  for (const [name, value] of [...event.detail.formData.entries()]) {
    if (value === "") event.detail.formData.delete(name);
  }
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest?.("[data-filters-open]");
  if (!opener) return;
  const open = opener.closest("form").classList.toggle("open");
  opener.setAttribute("aria-expanded", String(open));
});

// Selection.

const bulk = document.querySelector("[data-bulk]");

function ticks() {
  return [...document.querySelectorAll("[data-tick]:checked")];
}

// Each button says how many of the selected recordings it changes; one that changes none is away.
function showBulk() {
  if (!bulk) return;
  const all = ticks();
  const most = Number(bulk.dataset.most);
  bulk.hidden = all.length === 0;
  const words = `${all.length} selected`;
  bulk.querySelector("[data-bulk-words]").textContent = all.length > most ? `${words}. At most ${most} at once` : words;
  for (const button of bulk.querySelectorAll("[name=action]")) {
    const count = all.filter((tick) => tick.dataset.tick.split(" ").includes(button.value)).length;
    button.hidden = count === 0;
    button.disabled = all.length > most;
    button.querySelector("[data-bulk-count]").textContent = count;
    if (button.value === "delete") button.dataset.confirm = `Delete ${count === 1 ? "1 recording" : `${count} recordings`}?`;
  }
  bulk.elements.next.value = location.pathname + location.search;
}

let lastTick = null;
document.addEventListener("click", (event) => {
  const tick = event.target.closest?.("[data-tick]");
  if (!tick) return;
  if (event.shiftKey && lastTick?.isConnected) {
    const all = [...document.querySelectorAll("[data-tick]")];
    const [from, to] = [all.indexOf(lastTick), all.indexOf(tick)].sort((one, other) => one - other);
    for (const each of all.slice(from, to + 1)) each.checked = tick.checked;
  }
  lastTick = tick;
  showBulk();
});
document.addEventListener("change", (event) => event.target.matches("[data-tick]") && showBulk());
document.addEventListener("htmx:afterSwap", showBulk);
document.addEventListener("htmx:oobAfterSwap", showBulk);
// A list without rows says what to do next.
document.addEventListener("htmx:afterRequest", () => {
  if (document.querySelector("[data-rows]:not(:has([data-row]))") && !uploads?.busy) location.reload();
});
bulk?.querySelector("[data-bulk-none]").addEventListener("click", () => {
  for (const tick of ticks()) tick.checked = false;
  showBulk();
});
showBulk();

// Keys.

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const row = event.target.closest("[data-row]");
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    if (event.target.closest(".rail, .menu-list")) return;
    const links = [...document.querySelectorAll("[data-row-link]")];
    const at = row ? links.indexOf(row.querySelector("[data-row-link]")) : -1;
    const next = event.key === "ArrowDown" ? links[at + 1] : links[Math.max(0, at - 1)];
    if (!next) return;
    event.preventDefault();
    next.focus();
  } else if (event.key === "x" && row) {
    row.querySelector("[data-tick]")?.click();
  } else if (event.key === "u") {
    document.querySelector("[data-upload]")?.click();
  }
});

// Files dropped anywhere.

const panel = document.querySelector("[data-upload-list]");
const uploads = panel && acceptDrops();

function acceptDrops() {
  const here = document.querySelector("[data-drop-here]");
  const presets = new Set(panel.dataset.presets.split(" "));
  // A default preset is known to the server.
  const optionsOf = (project) => (presets.has(project) ? {} : (lastChosen(project) ?? {}));
  const uploads = new Uploads(panel, () => ({
    project: panel.dataset.project,
    options: optionsOf(panel.dataset.project),
  }));
  const accepts = (files) => asked(files, () => rateIn(panel.dataset.project, optionsOf));
  // With all projects shown, none is chosen for what is dropped.
  const choice = document.querySelector("[data-project-choice]");
  if (choice) {
    uploads.addEventListener("change", () => {
      const waits = uploads.unassigned.length > 0;
      const opens = choice.hidden && waits;
      choice.hidden = !waits;
      if (opens) choice.querySelector("select").focus();
    });
    choice.addEventListener("change", async ({ target }) => {
      panel.dataset.project = target.value;
      target.disabled = true;
      if (await accepts(uploads.unassigned.map((item) => item.file))) uploads.assign();
      target.disabled = false;
      // The next files are asked about again.
      panel.dataset.project = target.value = "";
    });
  }
  uploads.addEventListener("finished", ({ detail: { row } }) => {
    const list = document.querySelector("[data-rows]");
    if (!row.dataset.row) return;
    if (!list) {
      if (!uploads.busy) location.reload();
      return;
    }
    for (const same of list.querySelectorAll(`[data-row="${row.dataset.row}"]`)) if (same !== row) same.remove();
    list.prepend(row);
  });
  const carriesFiles = (event) => event.dataTransfer.types.includes("Files");
  addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    here.hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) here.hidden = true;
  });
  addEventListener("drop", async (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    here.hidden = true;
    const files = await filesOf(event.dataTransfer);
    if (!panel.dataset.project || (await accepts(files))) uploads.add(files);
  });
  return uploads;
}

/** Whether these files are to be uploaded. The question is loaded with the first files: most visits bring none. */
async function asked(files, rate) {
  try {
    const { Estimate } = await import("./estimate.js");
    return await new Estimate(panel.querySelector("[data-estimate]"), rate).accepts(files);
  } catch {
    const title = files.length === 1 ? "Upload 1 file?" : `Upload ${files.length} files?`;
    return confirmed({ title, text: "Connection lost. The cost is not known.", yes: "Upload" });
  }
}

/** Price and speed of a project's server with the options that its files will have. */
async function rateIn(project, optionsOf) {
  try {
    const url = panel.dataset.offersUrl.replace("/0/", `/${project}/`);
    const offers = await (await ask(url)).json();
    const { presets, server } = offers.projects[project];
    const preset = presets.find((each) => each.is_default)?.options;
    const { rateOf } = await import("./options.js");
    const { model } = { ...offers.servers[server].first_choice, ...optionsOf(project), ...preset };
    return rateOf(offers, project, model);
  } catch (error) {
    return { problem: error.message };
  }
}
