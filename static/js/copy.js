// Buttons that copy the text of an element: data-copy is its id.

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  const words = button.querySelector("[data-copy-words]");
  try {
    await navigator.clipboard.writeText(source.textContent);
    words.textContent = "Copied";
  } catch {
    // Pages without TLS have no clipboard: the text is selected to be copied by hand.
    getSelection().selectAllChildren(source);
    words.textContent = "Selected";
  }
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", () => copy(button));
}
