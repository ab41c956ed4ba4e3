// Capacity: how many gangs of each size would find a place now, and what the fleet's time went into.
import { accounts, accountsBar, ledger, total, timeLost, lostText } from "./accounts.js";
import { chartLibrary, missing, stackedBars } from "./chart.js";
import { h, inTree, nothing, table, update } from "./dom.js";
import { count, gpuHours, moment, percent, words } from "./format.js";

export const title = () => "capacity";

const domainLimit = 200;

export async function open(view) {
  const places = h("section", { "aria-label": "Free places" });
  const heading = h("h2", null, "Where the time went");
  const plot = h("div", { class: "plot", "data-own": true, hidden: true }, h("canvas", { role: "img",
    "aria-label": "GPU hours by day and account; the table below has the numbers" }));
  const time = h("section", { "aria-label": "Where the time went" });
  view.root.append(h("h1", null, "Capacity"), places, heading, plot, time);
  view.signal.addEventListener("abort", () => globalThis.Chart?.getChart(plot.firstChild)?.destroy());
  await view.keep(async () => showPlaces(places, await view.get("/v1/topology")), { seconds: 15, least: 2000 });
  await view.keep(async () => {
    const days = await ledger("day", view.signal);
    const Chart = days && await chartLibrary();
    if (view.signal.aborted) return;
    plot.hidden = !Chart || days.rows.length === 0;
    if (!plot.hidden) {
      stackedBars(Chart, plot.firstChild, {
        labels: days.rows.map((row) => row.key), unit: "GPU hours",
        series: accounts.filter(({ name }) => days.rows.some((row) => row.gpuMilliseconds[name] > 0))
          .map(({ name, colour }) => ({
            name: words(name), colour, values: days.rows.map((row) => (row.gpuMilliseconds[name] ?? 0) / 3.6e6),
          })),
      });
    }
    showTime(time, days, Chart);
  }, { seconds: 60, least: 5000 });
}

function showPlaces(section, topology) {
  const { levels, places, domains } = topology;
  if (domains.every((domain) => domain.nodes === 0)) {
    return update(section, nothing("The fleet has no node yet:", "muster up --nodes 4 --devices 8"));
  }
  const sizes = [...new Set(places.map((place) => place.nodes))];
  const found = (level, nodes) => places.find((place) => place.level === level && place.nodes === nodes)?.count;
  const shown = domains.slice(0, domainLimit);
  update(section,
    h("h2", null, "Gangs of whole free nodes that would find a place now"),
    table("Free places by level and size of the gang", [
      { head: "Within one", cell: (level) => level },
      ...sizes.map((nodes) => ({
        head: `of ${count(nodes, "node")}`, number: true, cell: (level) => count(found(level, nodes)),
      })),
    ], levels, (level) => level),
    h("h2", null, "By place"),
    table("Domains", [
      { head: "Place", cell: (domain) => inTree(levels.indexOf(domain.level),
        h("a", { href: "#/fleet/list/" + domain.path.split("/").map(encodeURIComponent).join("/") },
          `${domain.level} ${domain.name}`)) },
      { head: "Nodes", number: true, cell: (domain) => count(domain.nodes) },
      { head: "Free", number: true, cell: (domain) => count(domain.free) },
      { head: "Busy", number: true, cell: (domain) => count(domain.busy) },
      { head: "Held", number: true, cell: (domain) => count(domain.held) },
      { head: "Maintenance", number: true, cell: (domain) => count(domain.maintenance) },
      { head: "Out of service", number: true, cell: (domain) => count(domain.outOfService) },
      { head: "GPUs in use", number: true,
        cell: (domain) => `${count(domain.devicesInUse)} of ${count(domain.devices)}` },
      { head: "Share", cell: (domain) => share(domain) },
    ], shown, (domain) => domain.path),
    domains.length > shown.length ? h("p", null, `${shown.length} of ${count(domains.length)} places shown; `,
      h("a", { href: "#/fleet/list" }, "the list has all"), ".") : null);
}

function share(domain) {
  const part = domain.devices ? domain.devicesInUse / domain.devices : 0;
  return h("span", null, h("span", { class: "bar thin", "aria-hidden": "true" },
    part ? h("span", { class: "used", style: { width: `${part * 100}%` } }) : null), percent(part));
}

function showTime(section, days, Chart) {
  if (!days) return update(section, h("p", null, "This controller keeps no ledger of GPU time."));
  const { gpuMilliseconds: fleet } = days.fleet;
  const whole = total(fleet);
  update(section, Chart ? null : missing(),
    h("p", null, `From ${moment(days.from)} to ${moment(days.to)}: `
      + `${gpuHours(days.accountedGpuMilliseconds)} accounted of ${gpuHours(days.capacityGpuMilliseconds)} `
      + `that the fleet had; goodput ${percent(days.fleet.goodput)}, ${gpuHours(timeLost(fleet))} lost. `
      + `${gpuHours(days.fleet.provisionalGpuMilliseconds)} of it may still change: work since the last checkpoint.`),
    accountsBar(fleet),
    table("GPU time by account", [
      { head: "Account", cell: ({ name, colour }) =>
        [h("span", { class: "swatch", style: { "--swatch": colour } }), words(name)] },
      { head: "GPU time", number: true, cell: ({ name }) => gpuHours(fleet[name]) },
      { head: "Share", number: true, cell: ({ name }) => (whole ? percent(fleet[name] / whole) : "–") },
    ], accounts.filter(({ name }) => fleet[name] > 0), ({ name }) => name),
    h("p", null, h("small", null, lostText)),
    days.restatements?.length ? [h("h2", null, "Restated"), table("Time that was booked anew", [
      { head: "At", cell: (entry) => moment(entry.at) },
      { head: "Job", number: true, cell: (entry) => h("a", { href: `#/job/${entry.job}` }, entry.job) },
      { head: "Work of", cell: (entry) => `${moment(entry.workFrom)} to ${moment(entry.workTo)}` },
      { head: "Was", cell: (entry) => words(entry.from) },
      { head: "Is", cell: (entry) => words(entry.to) },
      { head: "GPU time", number: true, cell: (entry) => gpuHours(entry.gpuMilliseconds) },
    ], days.restatements, (entry) => `${entry.at} ${entry.job} ${entry.workFrom}`)] : null);
}
