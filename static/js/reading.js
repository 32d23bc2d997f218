// Display of captions, kept in the browser: text size, contrast, following, announcements.

const SIZES = [1, 1.25, 1.5, 1.875, 2.25, 2.75, 3.5, 4.5];
const NEAR_PX = 120; // of the end

export class Reading {
  constructor(root, list) {
    this.root = root;
    this.list = list;
    this.follows = true;
    this.place = 0; // scrollY as it was seen last
    this.size = Number(kept("size") ?? 2);
    this.button("smaller", () => this.resize(-1));
    this.button("larger", () => this.resize(1));
    this.button("contrast", (on) => this.setContrast(on));
    this.button("announce", (on) => list.setAttribute("aria-live", on ? "polite" : "off"));
    this.button("follow", (on) => this.follow(on));
    this.newest = this.button("newest", () => {
      this.follow(true);
      list.focus({ preventScroll: true }); // the button is gone
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

  // Whoever scrolls up to read wants to stay there; near the end it follows again.
  look() {
    const rest = document.documentElement.scrollHeight - scrollY - innerHeight;
    // New captions move the page down only. A shorter text moves it up, and leaves no rest.
    const isUp = scrollY < this.place && rest > 1;
    this.place = scrollY;
    if (isUp || rest < NEAR_PX) this.setFollow(!isUp);
  }

  setFollow(on) {
    this.follows = on;
    this.button("follow")?.setAttribute("aria-pressed", String(on));
    this.newest.hidden = on;
  }

  follow(on) {
    this.setFollow(on);
    this.place = scrollY; // whatever was scrolled before
    this.keepUp();
  }

  keepUp() {
    if (this.follows) this.look(); // the event of a scroll comes with the next frame
    if (!this.follows) return;
    if (this.root.dataset.limited === "true") this.list.scrollTop = this.list.scrollHeight;
    else scrollTo({ top: document.documentElement.scrollHeight });
    this.place = scrollY;
  }
}

function kept(name) {
  return localStorage.getItem(`captions-${name}`);
}

function keep(name, value) {
  localStorage.setItem(`captions-${name}`, value);
}
