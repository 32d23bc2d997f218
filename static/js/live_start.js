// Options of a session before it begins: those of captions or those of turns, and of its project.

const mode = document.getElementById("option-mode");
const project = document.getElementById("option-project");
const again = document.querySelector("[name=again]");

function show() {
  for (const part of document.querySelectorAll("[data-of]")) part.hidden = part.dataset.of !== mode.value;
}

function takeDefault() {
  again.checked = project.dataset.again.split(" ").includes(project.value);
}

if (mode) {
  mode.addEventListener("change", show);
  project.addEventListener("change", takeDefault);
  show();
}
