// Copy buttons: data-copy names the element whose text goes to the clipboard.

for (const button of document.querySelectorAll("[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  const words = button.querySelector("[data-copy-words]");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.textContent);
      words.textContent = "Copied";
    } catch {
      // Without https there is no clipboard: the text is selected to be copied by hand.
      getSelection().selectAllChildren(source);
      words.textContent = "Selected";
    }
  });
}
