// The identity of this tab across reloads: two tabs are two, also when one is a copy of the other.

export function sessionTab() {
  const known = sessionStorage.getItem("live-tab");
  const isReload = performance.getEntriesByType("navigation")[0]?.type === "reload";
  const tab = known && isReload ? known : crypto.getRandomValues(new Uint32Array(4)).join("-");
  sessionStorage.setItem("live-tab", tab);
  return tab;
}
