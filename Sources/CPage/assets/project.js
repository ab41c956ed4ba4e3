// One project: what it is guaranteed and uses, its jobs, where the week's GPU time went, what was wasted on what.
import { accounts, accountsBar } from "./accounts.js";
import { all, now, Refused } from "./api.js";
import { chartLibrary, lines, missing } from "./chart.js";
import { h, table, toProject, update } from "./dom.js";
import { count, duration, gpuHours, moment, none, percent, words } from "./format.js";
import { useBar } from "./projects.js";
import { findingList, hours, money } from "./waste.js";

export const title = ([name]) => `project ${name}`;

const day = 86_400_000;
const days = 7;
const runningLimit = 500;
const waitingLimit = 200;
const wastingLimit = 20;

export async function open(view) {
  const [name] = view.parts;
  const query = `project=${encodeURIComponent(name)}`;
  const head = h("section", { "aria-label": "The project" });
  const running = h("section", { "aria-label": "Running" });
  const waiting = h("section", { "aria-label": "Waiting" });
  const week = h("section", { "aria-label": "The last seven days" });
  const plot = h("div", { class: "plot", hidden: true }, h("canvas", { role: "img",
    "aria-label": "Goodput by day; the table below has the numbers" }));
  const trend = h("section", { "aria-label": "Day by day" });
  const waste = h("section", { "aria-label": "Waste" });
  view.root.append(head, running, waiting, week, plot, trend, waste);
  view.signal.addEventListener("abort", () => globalThis.Chart?.getChart(plot.firstChild)?.destroy());
  await view.keep(async () => {
    const [quota, top, queue] = await Promise.all([
      view.get("/v1/quota"), view.get(`/v1/top?${query}&limit=${runningLimit}`),
      all(`/v1/queue?${query}`, "jobs", waitingLimit, view.signal),
    ]).catch((error) => {
      throw error instanceof Refused && error.status === 404 ? unknown(name) : error;
    });
    // One that ended while it was told of is null.
    top.top = top.top.filter((job) => job !== null);
    const own = quota.projects.find((project) => project.name === name);
    showHead(head, name, own, quota);
    showRunning(running, top);
    showWaiting(waiting, queue);
  }, { seconds: 5, least: 2000 });
  // It looks at every job of a week: asked for last, and seldom.
  await view.keep(async () => {
    const from = `&from=${new Date(now() - days * day).toISOString()}`;
    const [goodput, wasted] = await Promise.all([
      view.get(`/v1/goodput?by=day&${query}${from}`), view.get(`/v1/waste?by=job&limit=${wastingLimit}&${query}${from}`),
    ]);
    const Chart = await chartLibrary();
    if (view.signal.aborted) return;
    showWeek(week, goodput);
    showTrend(plot, trend, goodput, Chart);
    showWaste(waste, wasted);
  }, { seconds: 60, least: 30_000 });
}

function unknown(name) {
  return new Refused(404, {
    message: `There is no project ${name}: no policy declares it, and no job names it.`,
    remedy: "The page of projects lists those that there are.",
  });
}

function showHead(section, name, own, quota) {
  const capacity = quota.deviceTypes.reduce((sum, type) => sum + type.devices, 0);
  const children = quota.projects.filter((project) => project.parent === name);
  const limits = own?.limits ?? {};
  const limited = [
    limits.devices === null || limits.devices === undefined ? null : `${count(limits.devices, "GPU")} at once`,
    limits.runningJobs ? `${count(limits.runningJobs, "running job")}` : null,
    limits.walltimeSeconds ? `${duration(limits.walltimeSeconds)} of walltime a job` : null,
  ].filter(Boolean);
  const rows = own?.devices ?? [];
  update(section,
    h("h1", null, `Project ${name}`, own && !own.declared ? h("small", null, " not declared") : ""),
    own?.parent ? h("p", null, "Part of ", toProject(own.parent), ".") : null,
    children.length ? h("p", null, "With its parts: ", children.map((child, i) => [i ? ", " : "", toProject(child.name)]),
      ". Use counts theirs, too; jobs, time and waste below are its own.") : null,
    rows.length === 0 ? h("p", null, own?.declared ? "It is guaranteed nothing by name, and uses nothing now."
      : "Nothing is declared of it, and it uses nothing now.") : table("Guarantee, limit and use by GPU type", [
      { head: "GPU type", cell: (row) => (row.deviceType === null ? "all" : row.deviceType || none) },
      { head: "In use", number: true, cell: (row) => count(row.used, "GPU") },
      { head: "Guaranteed", number: true, cell: (row) => count(row.guaranteed) },
      { head: "May use at most", number: true, cell: (row) => (row.guaranteed === null ? none
        : row.borrowLimit === null ? "all that is idle" : count(row.guaranteed + row.borrowLimit)) },
      { head: "Borrowed now", number: true, cell: (row) => count(row.borrowed) },
      { head: "Lends at most", number: true, cell: (row) => (row.guaranteed === null ? none
        : row.lendLimit === null ? "all that it leaves idle" : count(row.lendLimit)) },
      { head: "Use of the guarantee", cell: (row) => useBar(row, capacity) },
    ], rows, (row) => row.deviceType ?? "all"),
    limited.length ? h("p", null, `Limited to ${limited.join(", ")}.`) : null);
}

const toJob = (job) => h("a", { href: `#/job/${job.id}` }, job.id);

function showRunning(section, { top, from, to }) {
  const lost = (job) => Object.entries(job.gpuMilliseconds).filter(([name]) => name !== "productive")
    .sort(([, a], [, b]) => b - a)[0]?.[0];
  update(section, h("h2", null, `Running: ${count(top.length, "job")}${top.length === runningLimit ? " and more" : ""}`),
    top.length === 0 ? h("p", null, "None of its jobs runs.") : [
      table("Jobs that run", [
        { head: "Job", number: true, cell: toJob },
        { head: "Name", cell: (job) => [job.name, h("small", null, ` ${job.user}`)] },
        { head: "State", cell: (job) => h("span", { class: `state ${job.state}` }, words(job.state)) },
        { head: "GPUs", number: true, cell: (job) => count(job.devices) },
        { head: "Step", number: true, cell: (job) => count(job.step) },
        { head: "Busy", number: true, cell: (job) => percent(job.busy) },
        { head: "MFU, counters", number: true, cell: (job) => percent(job.mfu.counters) },
        { head: "MFU, declared", number: true, cell: (job) => percent(job.mfu.declared) },
        { head: "Goodput", number: true, cell: (job) => percent(job.goodput) },
        { head: "Lost", number: true, cell: (job) => gpuHours(job.lostGpuMilliseconds) },
        { head: "Most of it to", cell: (job) => (job.lostGpuMilliseconds > 0 ? words(lost(job) ?? none) : none) },
      ], top, (job) => job.id),
      h("p", null, h("small", null, `Goodput and loss from ${moment(from)} to ${moment(to)}; busy and MFU as GPUs' `
        + "counters tell them, the other MFU from the model that a job declares.")),
    ]);
}

function showWaiting(section, { list, more }) {
  update(section, h("h2", null, `Waiting: ${count(list.length, "job")}${more ? " and more" : ""}`),
    list.length === 0 ? h("p", null, "None of its jobs waits.")
      : table("Jobs that wait, in the scheduler's order", [
        { head: "Job", number: true, cell: toJob },
        { head: "Name", cell: (job) => [job.name, h("small", null, ` ${job.user}`)] },
        { head: "Nodes × GPUs", number: true, cell: (job) => `${job.nodeCount} × ${job.devicesPerNode}` },
        { head: "Waited", number: true, cell: (job) => duration(job.waitedSeconds) },
        { head: "Starts about", cell: (job) => h("time", { datetime: job.startEstimate }, moment(job.startEstimate)) },
        { head: "Why it waits", wide: true, cell: (job) => h("ul", { class: "evidence" },
          [...job.causes, ...job.wouldStartNow].map(({ message }) => h("li", null, message))) },
      ], list, (job) => job.id));
}

function showWeek(section, { whole }) {
  const held = whole.heldGpuMilliseconds;
  const figures = [
    [gpuHours(held), "held"], [percent(whole.runtime), "goodput: productive of what was held"],
    [percent(whole.counterMFU), "MFU from counters"], [percent(whole.declaredMFU), "MFU as declared"],
  ];
  update(section, h("h2", null, "The last seven days"),
    held === 0 ? h("p", null, "None of its jobs held a GPU.") : [
      h("div", { class: "figures" }, figures.map(([figure, text]) =>
        h("div", null, h("strong", null, figure), h("span", null, text)))),
      accountsBar(whole.gpuMilliseconds),
      h("ul", { class: "parts" }, accounts.filter(({ name }) => whole.gpuMilliseconds[name] > 0).map(({ name, colour }) =>
        h("li", null, h("span", { class: "swatch", style: { "--swatch": colour } }),
          `${words(name)} ${gpuHours(whole.gpuMilliseconds[name])} `,
          h("small", null, percent(whole.gpuMilliseconds[name] / held))))),
      whole.programShare < 1 ? h("p", null, h("small", null,
        `MFU is known of ${percent(whole.programShare)} of that time.`)) : null,
    ]);
}

// Every day of the week, those without work too: a gap in the curve.
function showTrend(plot, section, { rows }, Chart) {
  const byDay = new Map(rows.map((row) => [row.key, row]));
  const keys = Array.from({ length: days + 1 }, (_, i) =>
    new Date(now() - (days - i) * day).toISOString().slice(0, 10));
  plot.hidden = !Chart || rows.length === 0;
  if (!plot.hidden) {
    lines(Chart, plot.firstChild, { labels: keys, unit: "%", hasPoints: true, series: [{
      name: "goodput", colour: "#3f8f5f", values: keys.map((key) => {
        const share = byDay.get(key)?.runtime ?? null;
        return share === null ? null : share * 100;
      }),
    }] });
  }
  if (rows.length === 0) return update(section);
  update(section, Chart ? null : missing(), table("Goodput by day", [
    { head: "Day", cell: (row) => row.key },
    { head: "Held", number: true, cell: (row) => gpuHours(row.heldGpuMilliseconds) },
    { head: "Productive", number: true, cell: (row) => gpuHours(row.gpuMilliseconds.productive) },
    { head: "Goodput", number: true, cell: (row) => percent(row.runtime) },
  ], rows, (row) => row.key));
}

function showWaste(section, waste) {
  const sum = `${hours(waste.all.gpuHoursWasted)} of ${hours(waste.all.gpuHoursHeld)}`;
  update(section, h("h2", null, "Waste, and what to do next"),
    waste.rows.length === 0
      ? h("p", null, `Nothing found in ${count(waste.all.jobs, "job")}. Short runs get no advice.`) : [
        h("p", null, waste.all.cost ? `${sum}: ${money(waste.all.cost)}.` : `${sum}.`),
        table("Waste by job, the worst first", [
          { head: "Job", number: true, cell: (row) => h("a", { href: `#/job/${row.key}` }, row.key) },
          { head: "Name", cell: (row) => [row.name, h("small", null, ` ${row.user}`)] },
          { head: "GPUs", number: true, cell: (row) => count(row.devices) },
          { head: "Wasted", number: true, cell: (row) => hours(row.gpuHoursWasted) },
          { head: "A week like this", number: true, cell: (row) => (waste.hasPrices ? money(row.costAWeek)
            : hours(row.gpuHoursAWeek)) },
          { head: "Why, and what to do", wide: true, cell: (row) => findingList(row.findings, row.cost?.currency) },
        ], waste.rows, (row) => row.key),
      ],
    waste.next === null ? null : h("p", null, `The ${wastingLimit} that lost most are shown.`),
    waste.hasPrices ? null : h("p", null, h("small", null,
      "No money is told: the controller has no price book (`muster server --efficiency FILE`).")));
}
