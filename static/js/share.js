// The dialog with the link to the captions: htmx puts its form there.

const dialog = document.getElementById("share");

dialog?.addEventListener("click", async ({ target }) => {
  if (target.closest("[data-close-dialog]")) dialog.close();
  const copy = target.closest("[data-copy]");
  if (!copy) return;
  const source = dialog.querySelector("[data-copy-source]");
  source.select();
  try {
    await navigator.clipboard.writeText(source.value);
    copy.querySelector("[data-copy-words]").textContent = "Copied";
  } catch {
    // Without the permission the selected address can be copied by key.
  }
});
