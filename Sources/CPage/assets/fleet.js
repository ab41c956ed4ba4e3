// The fleet: what works, what is free, what is wrong, and where.
import { ledger, timeLost } from "./accounts.js";
import { history, live } from "./api.js";
import { h, nothing, table, update } from "./dom.js";
import { count, gpuHours, moment, percent } from "./format.js";
import { fleetList } from "./fleetlist.js";
import { FleetMap } from "./fleetmap.js";
import { kinds, Model } from "./fleetmodel.js";

export const title = () => "fleet";

// Facts looked back on for what happened lately.
const facts = 400;
const shownEvents = 12;
// Milliseconds that the share of productive time is told of.
const day = 86_400_000;

export async function open(view) {
  const isList = view.parts[0] === "list";
  const head = h("section", { class: "figures", "aria-label": "The fleet in numbers" });
  const worth = h("section", { class: "figures", "aria-label": "The last 24 hours" });
  const stage = h("section", { "aria-label": "Map" });
  const hint = h("section");
  const legend = h("ul", { class: "legend", "aria-label": "Legend" });
  const events = h("section", { "aria-label": "What happened" });
  view.root.append(h("h1", { class: "hidden" }, "Fleet"), h("div", { class: "figures" }, head, worth),
    h("p", { class: "tabs" },
      h("a", { href: "#/fleet", "aria-current": isList ? null : "true" }, "Map"),
      h("a", { href: "#/fleet/list", "aria-current": isList ? "true" : null }, "List")),
    hint, stage, legend, events);
  const map = isList ? null : makeMap(view, stage);

  const read = async () => {
    // At least as new as the newest event that was heard.
    const model = new Model(await view.get(`/v1/map?after=${live.sequence}`));
    showFigures(head, model);
    showLegend(legend, model);
    stage.hidden = legend.hidden = model.count === 0;
    update(hint, stage.hidden ? nothing("No node has joined yet. On this machine:", "muster up --nodes 4 --devices 8",
      "muster token create        # then on another machine: muster agent --join ADDR --token T") : null);
    if (map) map.show(model);
    else update(stage, fleetList(model, view.parts.slice(1)));
  };
  const concerns = (event) => !["stepsBegan", "checkpointCommitted", "keysForgotten"].includes(event.kind);
  await Promise.all([
    view.keep(read, { seconds: 10, least: 1000, when: concerns }),
    view.keep(async () => showWorth(worth, await ledger("type", view.signal, day)), { seconds: 60, least: 10_000 }),
    view.keep(async () => showEvents(events, await history(facts, view.signal)), { seconds: 60, least: 5000 }),
  ]);
}

function makeMap(view, stage) {
  const canvas = h("canvas", {
    tabindex: "0", role: "application", "aria-describedby": "map-keys",
    "aria-label": "Map of the fleet. Arrow keys go from node to node; the list says the same in tables.",
  });
  const tip = h("div", { class: "tip", hidden: true });
  const said = h("div", { class: "hidden", "aria-live": "polite", id: "map-said" });
  const keys = h("p", { id: "map-keys", class: "keys" },
    "Keys: arrows node by node, n next with a problem, Enter opens, + and - zoom, 0 all, Shift and arrows move.");
  stage.append(h("div", { class: "map", "data-own": true }, canvas, tip, said), keys);
  let map;
  const hover = (node, point) => {
    tip.hidden = node < 0 || !point;
    if (tip.hidden) return;
    tip.textContent = map.model.describe(node);
    said.textContent = tip.textContent;
    const left = Math.min(point.x + 12, canvas.clientWidth - tip.offsetWidth - 4);
    const isLow = point.y + 12 + tip.offsetHeight > canvas.clientHeight;
    const top = isLow ? point.y - tip.offsetHeight - 24 : point.y + 12;
    tip.style.left = `${Math.max(0, left)}px`;
    tip.style.top = `${Math.max(0, top)}px`;
  };
  map = new FleetMap(canvas, {
    hover,
    open: (node) => { location.hash = `#/node/${encodeURIComponent(map.model.name(node))}`; },
  });
  view.signal.addEventListener("abort", () => map.close());
  return map;
}

function showFigures(head, model) {
  const counts = model.counts();
  const wrong = kinds.map((kind, i) => [kind, counts.kinds[i]]).filter(([, n], i) => i >= 2 && n > 0);
  const figure = (number, text) => h("div", null, h("strong", null, number), h("span", null, text));
  update(head,
    figure(count(counts.nodes), counts.nodes === 1 ? "node" : "nodes"),
    figure(counts.devices ? `${((counts.used / counts.devices) * 100).toFixed(1)} %` : "–",
      `of GPUs in use: ${count(counts.used)} of ${count(counts.devices)}`),
    figure(count(counts.kinds[0]), "nodes wholly free"),
    figure(count(wrong.reduce((sum, [, n]) => sum + n, 0)),
      wrong.length ? `nodes take no work: ${wrong.map(([kind, n]) => `${count(n)} ${kind.word}`).join(", ")}`
        : "nodes take no work"));
}

// Is it working, or heat?
function showWorth(section, accounts) {
  const capacity = accounts?.capacityGpuMilliseconds;
  if (!capacity) return update(section);
  const { gpuMilliseconds, goodput } = accounts.fleet;
  const figure = (number, text) => h("div", null, h("strong", null, number), h("span", null, text));
  update(section,
    figure(percent(gpuMilliseconds.productive / capacity), "of the GPU time of the last 24 h was productive"),
    figure(percent(goodput), "goodput of what jobs held"),
    figure(gpuHours(timeLost(gpuMilliseconds)), "lost to faults, hangs and waits in the last 24 h"),
    h("div", null, h("a", { href: "#/projects" }, "Waste, job by job")));
}

function showLegend(legend, model) {
  const counts = model.counts();
  update(legend, kinds.map((kind, i) =>
    h("li", null, h("span", { class: `swatch ${kind.name}` }, kind.sign), `${count(counts.kinds[i])} ${kind.word}`,
      kind.name === "busy" ? " (a colour a job)" : "")));
}

function showEvents(section, list) {
  const told = list.filter((event) => !["checkpointCommitted", "memberStopped", "stepsBegan"].includes(event.kind))
    .slice(-shownEvents).reverse();
  update(section, h("h2", null, "Lately"),
    told.length === 0 ? h("p", null, "Nothing has happened.") : table("Events, newest first", [
      { head: "At", cell: (event) => h("time", { datetime: event.at }, moment(event.at)) },
      { head: "Event", wide: true, cell: (event) => h("span", { class: tone(event.kind) }, event.text) },
      { head: "", cell: (event) => links(event) },
    ], told, (event) => event.sequence));
}

function tone(kind) {
  return ["faultFound", "nodeSuspected", "nodeIsolated", "silenceWithheld"].includes(kind) ? "bad" : null;
}

function links(event) {
  return [
    event.job ? h("a", { href: `#/job/${event.job}` }, `job ${event.job}`) : null, " ",
    event.node ? h("a", { href: `#/node/${encodeURIComponent(event.node)}` }, event.node) : null,
  ];
}

