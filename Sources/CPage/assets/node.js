// One node: its state and why, what runs there, what has happened to it.
import { history } from "./api.js";
import { showNodeDevices } from "./devices.js";
import { h, table, toProject, update } from "./dom.js";
import { bytes, count, moment, none, since, words } from "./format.js";

export const title = ([name]) => name;

// Facts of the whole journal looked back on for this node's.
const facts = 3000;

export async function open(view) {
  const [name] = view.parts;
  const head = h("section", { "aria-label": "The node" });
  const jobs = h("section", { "aria-label": "What runs" });
  const devices = h("section", { "aria-label": "Devices" });
  const past = h("section", { "aria-label": "History" });
  view.root.append(head, jobs, devices, past);
  await view.keep(async () => {
    const node = await view.get(`/v1/nodes/${encodeURIComponent(name)}`);
    const running = await Promise.all(node.jobs.map((job) => view.get(`/v1/jobs/${job}`)));
    showHead(head, node);
    showJobs(jobs, node, running);
    showNodeDevices(devices, await view.get(`/v1/nodes/${encodeURIComponent(name)}/devices`));
  }, { seconds: 5, least: 1000 });
  await view.keep(async () => showHistory(past, name, await history(facts, view.signal)),
    { seconds: 60, least: 5000, when: (event) => event.node === name });
}

// What a person may do about it, as commands.
function commands(node) {
  switch (node.state) {
    case "suspect": return [`muster fence ${node.name} --confirm-dead    # only if you know that nothing runs there`];
    case "isolated": case "draining": case "drained": return [`muster resume ${node.name}`];
    case "ready": return [`muster drain ${node.name} --reason "..."`];
    default: return [];
  }
}

function showHead(section, node) {
  const row = (name, value) => [h("dt", null, name), h("dd", null, value)];
  const labels = Object.entries(node.labels).map(([key, value]) => `${key}=${value}`).join(", ");
  update(section,
    h("h1", null, `Node ${node.name} `, h("span", { class: `state ${node.state}` }, words(node.state))),
    node.reason ? h("p", { class: "bad" }, node.reason) : null,
    h("div", { class: "columns" },
      h("dl", null,
        row("In this state since", `${moment(node.since)} (${since(node.since)})`),
        row("GPUs", `${count(node.devices - node.free)} of ${count(node.devices)} in use`),
        row("Type", node.deviceType || none),
        row("Agent", node.connected ? `connected, pid ${node.pid}` : "not connected")),
      h("dl", null,
        row("Address", node.address || none), row("CPUs", count(node.cpus)), row("Memory", bytes(node.memoryBytes)),
        row("Labels", labels || none))),
    commands(node).map((command) => h("pre", { class: "command" }, command)));
}

function showJobs(section, node, jobs) {
  update(section, h("h2", null, "What runs here"),
    jobs.length === 0 ? h("p", null, "Nothing.") : table("Jobs on this node", [
      { head: "Job", number: true, cell: (job) => h("a", { href: `#/job/${job.id}` }, job.id) },
      { head: "Name", cell: (job) => job.name },
      { head: "State", cell: (job) => h("span", { class: `state ${job.state}` }, words(job.state)) },
      { head: "Project", cell: (job) => toProject(job.project) },
      { head: "Ranks here", cell: (job) => job.ranks.filter((rank) => rank.node === node.name)
        .map((rank) => [h("a", { href: `#/job/${job.id}/rank/${rank.rank}` }, rank.rank), " "]) },
      { head: "Step", number: true, cell: (job) => count(job.step) },
    ], jobs, (job) => job.id));
}

function showHistory(section, name, events) {
  const own = events.filter((event) => event.node === name || event.nodes?.includes(name)).reverse();
  update(section, h("h2", null, "History"),
    h("p", null, h("small", null, `From the newest ${count(facts)} facts of the journal; `
      + "`muster events` has all.")),
    own.length === 0 ? h("p", null, "None of them is about this node.") : table("Events of this node, newest first", [
      { head: "At", cell: (event) => h("time", { datetime: event.at }, moment(event.at)) },
      { head: "Event", wide: true, cell: (event) => event.text },
      { head: "Evidence", wide: true, cell: (event) => event.fault?.evidence.join("; ") ?? "" },
      { head: "Job", number: true, cell: (event) =>
        (event.job ? h("a", { href: `#/job/${event.job}` }, event.job) : none) },
    ], own, (event) => event.sequence));
}
