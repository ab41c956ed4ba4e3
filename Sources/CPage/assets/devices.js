// What the devices of a job or a node really do, from their own counters; and what was wasted, why, and what to do next.
import { chartLibrary, lines, missing } from "./chart.js";
import { h, table, update } from "./dom.js";
import { bytes, count, duration, moment, none, percent } from "./format.js";
import { findingList } from "./waste.js";

// In the order of worth. The letter stands in the map, so that nothing is said by colour alone.
const states = [
  { name: "working", letter: "w", colour: "#3f8f5f", text: "kernels compute" },
  { name: "memoryBound", letter: "m", colour: "#7aa6d1", text: "the memory is the bound" },
  { name: "launchBound", letter: "l", colour: "#b58bb8", text: "kernels too small to fill the device" },
  { name: "starting", letter: "b", colour: "#a3b86c", text: "memory is held and nothing has run yet" },
  { name: "starved", letter: "s", colour: "#e6b35c", text: "kernels are waited for most of the time" },
  { name: "idle", letter: "i", colour: "#c9ced4", text: "nothing runs" },
  { name: "hung", letter: "h", colour: "#c0392b", text: "a kernel is resident and does nothing" },
  { name: "unknown", letter: "?", colour: "#8595a5", text: "cannot be told" },
];
const byName = new Map(states.map((state) => [state.name, state]));
const spelled = (name) => name?.replace(/[A-Z]/g, (letter) => " " + letter.toLowerCase()) ?? none;

const noCounters = "No counters of its devices have come: an agent reads them by NVML or from a dcgm-exporter.";

// Cells of a map of devices at most so wide, and so many rows told beside it.
const cell = 16;
const tellAtMost = 16;

export async function showJobDevices(section, devices) {
  if (!devices.source) return update(section, h("h2", null, "Devices"), h("p", null, noCounters));
  const rows = devices.devices;
  const isByNode = devices.devicesBy === "node";
  update(section, h("h2", null, "Devices"),
    h("p", null, `${figures(devices)} `,
      h("small", null, `From ${devices.source}, ${devices.measuredDeviceHours.toFixed(1)} GPU h measured`
        + `${devices.deviceType ? ` on ${devices.deviceType}` : ""}.`)),
    statesBar(devices.states),
    h("div", { class: "plot", "data-own": "series" }),
    h("h2", null, isByNode ? "Nodes of the newest attempt" : "Devices of the newest attempt"),
    h("div", { class: "heat", "data-own": "heat" }),
    odd(rows, isByNode));
  drawMap(section.querySelector("[data-own=heat]"), rows, isByNode);
  await drawSeries(section.querySelector("[data-own=series]"), devices.series);
}

function figures({ counters, counterMFU }) {
  const parts = [];
  const busy = counters.graphics ?? counters.utilisation;
  if (busy !== undefined) parts.push(`busy ${percent(busy)}`);
  if (counters.tensor !== undefined) parts.push(`tensor cores ${percent(counters.tensor)}`);
  if (counters.dram !== undefined) parts.push(`memory interface ${percent(counters.dram)}`);
  if (counterMFU !== null) parts.push(`MFU ${percent(counterMFU)}`);
  if (counters.power !== undefined) parts.push(`${Math.round(counters.power)} W each`);
  if (counters.memoryUsed !== undefined) parts.push(`${bytes(counters.memoryUsed)} in use`);
  const text = parts.join(", ");
  return text ? text[0].toUpperCase() + text.slice(1) + "." : "";
}

function statesBar(shares) {
  const shown = states.filter(({ name }) => shares[name] > 0);
  const text = ({ name }) => `${spelled(name)} ${percent(shares[name])}`;
  return [
    h("div", { class: "bar", role: "img", "aria-label": shown.map(text).join(", ") }, shown.map((state) =>
      h("span", { title: `${text(state)}: ${state.text}`,
        style: { "flex-grow": String(shares[state.name]), "--part": state.colour } }))),
    h("ul", { class: "parts" }, shown.map((state) => h("li", { title: state.text },
      h("span", { class: "swatch", style: { "--swatch": state.colour } }, state.letter), text(state)))),
  ];
}

// One cell a device, in rank order; the letter where there is room.
function drawMap(holder, rows, isByNode) {
  let canvas = holder.firstElementChild;
  if (!canvas) {
    canvas = h("canvas", { role: "img" });
    holder.append(canvas, h("p", { class: "keys" }));
    canvas.addEventListener("pointermove", (event) => point(canvas, event));
  }
  const across = Math.max(1, Math.floor(holder.clientWidth / cell) || 40);
  // Whole nodes of eight in a row, where they fit.
  const columns = across >= 8 ? across - across % 8 : across;
  const down = Math.max(1, Math.ceil(rows.length / columns));
  const ratio = devicePixelRatio || 1;
  canvas.width = columns * cell * ratio;
  canvas.height = down * cell * ratio;
  canvas.style.width = `${columns * cell}px`;
  canvas.style.height = `${down * cell}px`;
  canvas.rows = rows;
  canvas.columns = columns;
  const counts = states.map(({ name }) => [name, rows.filter((row) => row.state === name).length])
    .filter(([, number]) => number > 0);
  canvas.setAttribute("aria-label", `${isByNode ? "Nodes" : "Devices"}: ${
    counts.map(([name, number]) => `${count(number)} ${spelled(name)}`).join(", ") || "none"}`);
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.font = "10px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  rows.forEach((row, i) => {
    const state = byName.get(row.state) ?? byName.get("unknown");
    const [x, y] = [(i % columns) * cell, Math.floor(i / columns) * cell];
    pen.fillStyle = state.colour;
    pen.fillRect(x + 0.5, y + 0.5, cell - 1, cell - 1);
    pen.fillStyle = "#1d2126";
    pen.fillText(state.letter, x + cell / 2, y + cell / 2 + 0.5);
  });
}

function point(canvas, event) {
  const box = canvas.getBoundingClientRect();
  const i = Math.floor((event.clientY - box.top) / cell) * canvas.columns
    + Math.floor((event.clientX - box.left) / cell);
  const row = canvas.rows[i];
  canvas.nextElementSibling.textContent = row ? told(row) : "";
}

function told(row) {
  const where = row.rank === undefined || row.rank === null ? "" : `rank ${row.rank}, `;
  const device = row.device === undefined ? "" : `, device ${row.device}`;
  const idle = row.idleSeconds > 60 ? `, nothing ran for ${duration(row.idleSeconds)}` : "";
  return `${where}node ${row.node ?? none}${device}: ${spelled(row.state)}, busy ${percent(row.busy)}${idle}`;
}

// Those that are not as the others: what is not working first, then the least busy.
function odd(rows, isByNode) {
  const busy = rows.map((row) => row.busy ?? 0).sort((a, b) => a - b);
  const median = busy[Math.floor(busy.length / 2)] ?? 0;
  const isOdd = (row) => ["idle", "hung", "starved"].includes(row.state) || (row.busy ?? 0) < median / 2;
  const list = rows.filter(isOdd).sort((a, b) => (a.busy ?? 0) - (b.busy ?? 0));
  if (list.length === 0) return h("p", null, rows.length ? "None stands out." : "None has been measured.");
  if (list.length === rows.length) return h("p", null, "All of them are idle, hung or starved: none stands out.");
  return [
    h("p", null, `${count(list.length)} of ${count(rows.length)} stand out: idle, hung, starved, `
      + `or less than half as busy as most${list.length > tellAtMost ? `; the ${tellAtMost} least busy` : ""}.`),
    table("Those that stand out", [
      isByNode ? null : { head: "Rank", number: true, cell: (row) => row.rank ?? none },
      { head: "Node", cell: (row) => (row.node ? h("a", { href: `#/node/${encodeURIComponent(row.node)}` }, row.node)
        : none) },
      isByNode ? null : { head: "Device", number: true, cell: (row) => row.device },
      { head: "State", cell: (row) => spelled(row.state) },
      { head: "Busy", number: true, cell: (row) => percent(row.busy) },
      { head: "Tensor cores", number: true, cell: (row) => percent(row.tensor) },
      { head: "Nothing ran for", number: true, cell: (row) => duration(row.idleSeconds) },
    ].filter(Boolean), list.slice(0, tellAtMost), (row) => `${row.node} ${row.device ?? ""}`),
  ];
}

async function drawSeries(holder, series) {
  if (series.length < 2) return update(holder, h("p", null, h("small", null, "The curve begins after two minutes.")));
  const Chart = await chartLibrary();
  if (!Chart) return update(holder, missing());
  let canvas = holder.querySelector("canvas");
  if (!canvas) {
    holder.replaceChildren(h("canvas", { role: "img", "aria-label": "Busy, tensor cores and MFU over time" }));
    canvas = holder.firstElementChild;
  }
  const share = (value) => (value === null ? null : value * 100);
  lines(Chart, canvas, {
    labels: series.map((point) => moment(point.at)), unit: "%",
    series: [
      { name: "busy", colour: "#7aa6d1", values: series.map((point) => share(point.busy)) },
      { name: "tensor cores", colour: "#3f8f5f", values: series.map((point) => share(point.tensor)) },
      { name: "MFU from counters", colour: "#d98a3d", values: series.map((point) => share(point.mfu)) },
    ].filter(({ values }) => values.some((value) => value !== null)),
  });
}

// What a job wasted and on what, each with what it rests on; and both figures of its MFU.
export function showEfficiency(section, told) {
  const { mfu, findings, cost } = told;
  update(section, h("h2", null, "Waste, and what to do next"),
    mfu.counters !== null || mfu.declared !== null ? h("p", null,
      `MFU from the counters ${percent(mfu.counters)}, from the declared model and its steps ${percent(mfu.declared)}. `,
      h("small", null, [mfu.basis, mfu.declaredBasis].filter(Boolean).join("; "))) : null,
    mfu.note ? h("p", null, h("small", null, `MFU is not told: ${mfu.note}.`)) : null,
    mfu.disagreement ? h("p", { class: "bad" }, mfu.disagreement) : null,
    told.idle?.message ? h("p", { class: "bad" }, told.idle.message) : null,
    findings.length === 0 ? h("p", null, `Nothing: ${told.noFindingsReason}.`)
      : findingList(findings, cost.price?.currency),
    findings.length && !cost.price ? h("p", null, h("small", null, `No money is told: ${cost.noPriceReason}.`)) : null);
}

export function showNodeDevices(section, node) {
  if (node.devices.length === 0) return update(section);
  if (!node.source) return update(section, h("h2", null, "Devices"), h("p", null, noCounters));
  update(section, h("h2", null, "Devices"),
    table("Devices of this node", [
      { head: "Device", number: true, cell: (device) => device.device },
      { head: "State", cell: (device) => spelled(device.state) },
      { head: "Job", number: true, cell: (device) =>
        (device.job ? h("a", { href: `#/job/${device.job}` }, device.job) : none) },
      { head: "Busy", number: true, cell: ({ counters }) => percent(counters.graphics ?? counters.utilisation) },
      { head: "Tensor cores", number: true, cell: ({ counters }) => percent(counters.tensor) },
      { head: "Memory interface", number: true, cell: ({ counters }) => percent(counters.dram) },
      { head: "MFU", number: true, cell: (device) => percent(device.mfu) },
      { head: "Power", number: true, cell: ({ counters }) => (counters.power === undefined ? none
        : `${Math.round(counters.power)} W`) },
      { head: "Clock", number: true, cell: ({ counters }) => (counters.smClock === undefined ? none
        : `${count(Math.round(counters.smClock))} MHz`) },
      { head: "Memory in use", number: true, cell: ({ counters }) => bytes(counters.memoryUsed) },
    ], node.devices, (device) => device.device),
    h("p", null, h("small", null, `From ${node.source}, ${moment(node.at)}, means of ten seconds.`)));
}
