// Rows of recordings, kept fresh while any of them is open.

const poll = document.querySelector("[data-poll-rows]");

poll?.addEventListener("htmx:configRequest", (event) => {
  const open = [...document.querySelectorAll("[data-row][data-open]")].map((row) => row.dataset.row);
  if (!open.length) event.preventDefault();
  event.detail.path = `${poll.getAttribute("hx-get")}?ids=${open.slice(0, 200).join(",")}`;
});

// A row that is replaced keeps its tick.
let ticked = null;
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  ticked = event.detail.target.querySelector?.("[data-tick]")?.checked ?? null;
});
document.addEventListener("htmx:oobAfterSwap", (event) => {
  const tick = document.getElementById(event.detail.target.id)?.querySelector("[data-tick]");
  if (tick && ticked) tick.checked = true;
});

/** The row of a recording as the library shows it. */
export async function fetchRow(url, id) {
  const response = await fetch(`${url}?ids=${id}&whole=1`);
  if (!response.ok) return null;
  const holder = document.createElement("template");
  holder.innerHTML = await response.text(); // our own fragment, escaped by the server
  const row = holder.content.querySelector("[data-row]");
  row?.removeAttribute("hx-swap-oob");
  return row;
}
