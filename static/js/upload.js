// The upload page: a place to drop files, and how the next ones are to be transcribed.

import { typing } from "./shell.js";
import { filesOf, Uploads } from "./uploads.js";

const LAST = "upload options";

const page = document.querySelector("[data-upload-page]");
if (page) start();

function start() {
  const form = page.querySelector("[data-options]");
  const drop = page.querySelector("[data-drop]");
  const input = page.querySelector("[data-files]");
  const summary = page.querySelector("[data-upload-summary]");
  recall(form);
  form.addEventListener("change", () => localStorage.setItem(LAST, JSON.stringify(optionsOf(form))));

  const uploads = new Uploads(page.querySelector("[data-uploads]"), {
    url: page.dataset.url,
    rowsUrl: page.dataset.rowsUrl,
    maxBytes: Number(page.dataset.maxBytes),
    choose: () => ({ project: form.elements.project.value, options: optionsOf(form) }),
  });
  uploads.addEventListener("change", () => {
    const done = uploads.items.filter((item) => item.state === "done").length;
    summary.textContent = uploads.items.length ? `${done} of ${uploads.items.length} files uploaded` : "";
  });
  uploads.addEventListener("choose", () => input.click());

  page.querySelector("[data-choose]").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    uploads.add(input.files);
    input.value = "";
  });
  addEventListener("keydown", (event) => {
    if (event.key === "c" && !event.ctrlKey && !event.metaKey && !event.altKey && !typing(event.target)) input.click();
  });

  // The whole page takes the drop: a miss must not make the browser open the file.
  addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) drop.classList.remove("over");
  });
  addEventListener("drop", async (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    uploads.add(await filesOf(event.dataTransfer));
  });
}

function optionsOf(form) {
  const options = { model: form.elements.model.value, language: form.elements.language.value };
  for (const box of form.querySelectorAll("[type=checkbox]")) options[box.name] = box.checked;
  const terms = form.elements.keyterm.value.split("\n").map((term) => term.trim()).filter(Boolean);
  if (terms.length) options.keyterm = terms;
  return options;
}

function recall(form) {
  const last = JSON.parse(localStorage.getItem(LAST) ?? "{}");
  for (const name of ["model", "language"]) {
    const known = [...form.elements[name].options].some((option) => option.value === last[name]);
    if (known) form.elements[name].value = last[name];
  }
  for (const box of form.querySelectorAll("[type=checkbox]")) {
    if (box.name in last) box.checked = last[box.name];
  }
  form.elements.keyterm.value = (last.keyterm ?? []).join("\n");
}
