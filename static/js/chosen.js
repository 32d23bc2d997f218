// The options last chosen for each project in this browser.

const LAST = "upload options";

/** What was last chosen for a project in this browser; null when nothing was. */
export function lastChosen(project) {
  try {
    return JSON.parse(localStorage.getItem(LAST))[project] ?? null;
  } catch {
    return null;
  }
}

/** Keep the options chosen for a project. */
export function remember(project, options) {
  let all = {};
  try {
    all = { ...JSON.parse(localStorage.getItem(LAST)) };
  } catch {
    // What an older version kept is of no use.
  }
  localStorage.setItem(LAST, JSON.stringify({ ...all, [project]: options }));
}
