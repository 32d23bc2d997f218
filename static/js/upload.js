// The upload page: a place to drop files, and how the next ones are to be transcribed.

import { Estimate } from "./estimate.js";
import { Options } from "./options.js";
import { typing } from "./shell.js";
import { filesOf, Uploads } from "./uploads.js";

const page = document.querySelector("[data-upload-page]");
if (page) start();

function start() {
  const form = page.querySelector("[data-options]");
  const drop = page.querySelector("[data-drop]");
  const input = page.querySelector("[data-files]");
  const options = new Options(form, JSON.parse(document.getElementById("offers").textContent));
  // After an error the page comes back with what was entered.
  const entered = document.getElementById("entered");
  if (entered) options.show(JSON.parse(entered.textContent));

  const uploads = new Uploads(page.querySelector("[data-upload-list]"), () => ({
    project: form.elements.project.value,
    options: options.chosen(),
  }));

  const { project } = form.elements;
  const estimate = new Estimate(page.querySelector("[data-estimate]"), () => options.rate);
  form.addEventListener("change", () => estimate.show());
  estimate.show();
  const add = async (files) => {
    if (!project.value || (await estimate.accepts(files))) uploads.add(files);
  };

  // Files that were chosen before a project are listed and wait for it.
  const note = page.querySelector("[data-project-note]");
  uploads.addEventListener("change", () => {
    const waits = uploads.unassigned.length > 0;
    if (note.hidden && waits) project.focus();
    note.hidden = !waits;
  });
  project.addEventListener("change", async () => {
    if (!project.value) return;
    if (await estimate.accepts(uploads.unassigned.map((item) => item.file))) return uploads.assign();
    project.value = "";
    project.dispatchEvent(new Event("change", { bubbles: true }));
  });

  page.querySelector("[data-choose]").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    add([...input.files]);
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
    add(await filesOf(event.dataTransfer));
  });
}
