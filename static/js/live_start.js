// Options of a session before it begins: those of captions or those of turns.

const mode = document.getElementById("option-mode");

function show() {
  for (const part of document.querySelectorAll("[data-of]")) part.hidden = part.dataset.of !== mode.value;
}

if (mode) {
  mode.addEventListener("change", show);
  show();
}
