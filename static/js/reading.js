// Display of captions, kept in the browser: text size, contrast, following, announcements.

const SIZES = [1, 1.25, 1.5, 1.875, 2.25, 2.75, 3.5, 4.5];
const PROGRAMMATIC_MS = 400;

export class Reading {
  constructor(root, list) {
    this.root = root;
    this.list = list;
    this.follows = true;
    this.scrolled = 0;
    this.size = Number(kept("size") ?? 2);
    this.button("smaller", () => this.resize(-1));
    this.button("larger", () => this.resize(1));
    this.button("contrast", (on) => this.setContrast(on));
    this.button("announce", (on) => list.setAttribute("aria-live", on ? "polite" : "off"));
    this.button("follow", (on) => {
      this.follows = on;
      if (on) this.keepUp();
    });
    this.resize(0);
    // A projector and an overlay are configured by their address.
    const isPage = (root.dataset.view ?? "page") === "page";
    if (isPage && kept("contrast") === "high") this.button("contrast").click();
    addEventListener("scroll", () => this.look(), { passive: true });
  }

  button(name, act) {
    const found = this.root.querySelector(`[data-${name}]`);
    if (found && act) {
      found.addEventListener("click", () => {
        const pressed = found.getAttribute("aria-pressed");
        if (pressed !== null) found.setAttribute("aria-pressed", String(pressed !== "true"));
        act(pressed !== "true");
      });
    }
    return found;
  }

  resize(step) {
    this.size = Math.max(0, Math.min(SIZES.length - 1, this.size + step));
    keep("size", this.size);
    this.list.style.setProperty("--chosen-size", `${SIZES[this.size]}rem`);
    this.keepUp();
  }

  setContrast(on) {
    this.root.dataset.contrast = on ? "high" : "";
    keep("contrast", on ? "high" : "");
  }

  // Whoever scrolls up to read wants to stay there; at the end it follows again.
  look() {
    if (performance.now() - this.scrolled < PROGRAMMATIC_MS) return;
    const rest = document.documentElement.scrollHeight - scrollY - innerHeight;
    this.follows = rest < 120;
    this.button("follow")?.setAttribute("aria-pressed", String(this.follows));
  }

  keepUp() {
    if (!this.follows) return;
    this.scrolled = performance.now();
    if (this.root.dataset.limited === "true") this.list.scrollTop = this.list.scrollHeight;
    else scrollTo({ top: document.documentElement.scrollHeight });
  }
}

function kept(name) {
  return localStorage.getItem(`captions-${name}`);
}

function keep(name, value) {
  localStorage.setItem(`captions-${name}`, value);
}
