// The frame around the views: routes, navigation, the banner, and when a view reads its state again.
import { get, live, Refused } from "./api.js";
import { h, update } from "./dom.js";
import * as fleet from "./fleet.js";

// Route: the view's module. The first is read with the page, the others when they are asked for.
const routes = {
  fleet: () => fleet,
  queue: () => import("./queue.js"),
  job: () => import("./job.js"),
  node: () => import("./node.js"),
  projects: () => import("./projects.js"),
  project: () => import("./project.js"),
  capacity: () => import("./capacity.js"),
};

const main = document.getElementById("main");
let leaving = new AbortController();

// What a view is given: its place in the document and in the address, and `keep`.
class View {
  constructor(root, parts, signal) {
    this.root = root;
    this.parts = parts;
    this.signal = signal;
  }

  get(path) { return get(path, this.signal); }

  // Calls `load` now, every so many seconds, and after events that concern it; never twice at once, and no more often
  // than `least` milliseconds. Where it fails the view says so, and tries again.
  keep(load, { seconds = 15, least = 500, when = () => true } = {}) {
    let busy = false, again = false, last = 0, timer;
    const soon = (delay) => {
      clearTimeout(timer);
      timer = setTimeout(() => { if (!document.hidden) attempt(); }, delay);
    };
    const attempt = async () => {
      if (this.signal.aborted) return;
      if (busy) { again = true; return; }
      busy = true;
      again = false;
      last = performance.now();
      try {
        await load();
      } catch (error) {
        if (!this.signal.aborted) this.fail(error);
      }
      busy = false;
      // What takes long is asked less often: at most a tenth of the time goes into it.
      const took = performance.now() - last;
      if (!this.signal.aborted) soon(Math.max(again ? least : seconds * 1000, took * 10));
    };
    const hear = (event) => {
      if (event !== null && !when(event)) return;
      again = true;
      if (!busy) soon(Math.max(0, least - (performance.now() - last)));
    };
    live.listeners.add(hear);
    const show = () => { if (!document.hidden) soon(0); };
    document.addEventListener("visibilitychange", show);
    this.signal.addEventListener("abort", () => {
      clearTimeout(timer);
      live.listeners.delete(hear);
      document.removeEventListener("visibilitychange", show);
    });
    return attempt();
  }

  fail(error) {
    // With no answer at all the banner says what there is to say, and what was seen last stays.
    if (!(error instanceof Refused)) {
      if (error instanceof TypeError && live.state !== "live") return;
      console.error(error);
      return;
    }
    update(this.root, h("h1", null, error.status === 404 ? "Not found" : "Refused"),
      h("p", { role: "alert" }, error.message), error.remedy ? h("p", null, error.remedy) : null);
  }
}

// An address that somebody typed may have a % in it that means itself.
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function open() {
  const parts = location.hash.replace(/^#\/?/, "").split("/").map(decode);
  const name = parts[0] || "fleet";
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  for (const link of document.querySelectorAll("nav a")) {
    const isHere = link.hash === `#/${name}` || (link.hash === "#/queue" && name === "job")
      || (link.hash === "#/fleet" && name === "node") || (link.hash === "#/projects" && name === "project");
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (!Object.hasOwn(routes, name)) {
    document.title = "Muster: no such page";
    main.replaceChildren(h("div", { class: "view" }, h("h1", null, "No such page"),
      h("p", null, `There is nothing at #/${parts.join("/")}. `, h("a", { href: "#/fleet" }, "The fleet"))));
    return;
  }
  const module = await routes[name]();
  if (signal.aborted) return;
  const root = h("div", { class: `view ${name}` });
  main.replaceChildren(root);
  document.title = `Muster: ${module.title(parts.slice(1))}`;
  await module.open(new View(root, parts.slice(1), signal));
}

function navigate(isFirst) {
  open().catch((error) => console.error(error));
  // A reader of screens is told of the new view; the first one needs no such help.
  if (!isFirst) main.focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

function showStanding(state) {
  const banner = document.getElementById("banner");
  banner.hidden = state !== "gone";
  document.body.classList.toggle("gone", state === "gone");
  if (state === "gone") {
    const at = live.goneSince.toISOString().slice(11, 19);
    banner.textContent = `The controller does not answer since ${at}. What you see is from before; jobs that run `
      + "go on. It is asked again every second.";
  }
  document.getElementById("standing").textContent = {
    connecting: "connecting", live: "live", gone: "no answer", resting: "resting",
  }[state];
}

document.getElementById("jump").addEventListener("submit", (event) => {
  event.preventDefault();
  const input = document.getElementById("where");
  const text = input.value.trim();
  if (!text) return;
  location.hash = /^\d+$/.test(text) ? `#/job/${text}` : `#/node/${encodeURIComponent(text)}`;
  input.value = "";
  input.blur();
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isTyping = event.target.matches("input, textarea, select");
  if (event.key === "/" && !isTyping) {
    event.preventDefault();
    document.getElementById("where").focus();
  } else if (event.key === "Escape" && isTyping) {
    event.target.blur();
  } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && event.target.matches("td a")) {
    // From row to row, on the first link of each; a row without one is passed over.
    const links = [...event.target.closest("tbody").querySelectorAll("tr")].map((row) => row.querySelector("a"))
      .filter(Boolean);
    const at = links.indexOf(event.target.closest("tr").querySelector("a"));
    const next = links[at + (event.key === "ArrowDown" ? 1 : -1)];
    if (next) {
      event.preventDefault();
      next.focus();
    }
  }
});

window.addEventListener("hashchange", () => navigate(false));
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
live.watchers.add(showStanding);
live.run();
navigate(true);
