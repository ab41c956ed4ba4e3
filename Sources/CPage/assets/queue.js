// What waits and why, in the scheduler's order and words; and what runs.
import { all } from "./api.js";
import { h, nothing, table, toProject, update } from "./dom.js";
import { count, duration, moment, none, since } from "./format.js";

export const title = () => "queue";

const waitingLimit = 400;
const runningLimit = 1000;

export async function open(view) {
  const waiting = h("section", { "aria-label": "Waiting" });
  const running = h("section", { "aria-label": "Running" });
  view.root.append(waiting, running);
  await view.keep(async () => {
    const [cluster, queue, jobs] = await Promise.all([
      view.get("/v1/cluster"), all("/v1/queue", "jobs", waitingLimit, view.signal),
      all("/v1/jobs?state=starting,running,stopping", "jobs", runningLimit, view.signal),
    ]);
    showWaiting(waiting, queue, cluster.jobs.pending, jobs.list.length > 0);
    showRunning(running, jobs);
  }, { seconds: 5, least: 1000 });
}

function name(job) {
  return [h("a", { href: `#/job/${job.id}` }, job.name || "job"), h("small", null, ` ${job.user}`)];
}

function showWaiting(section, { list, more }, pending, isBusy) {
  update(section, h("h1", null, `Waiting: ${count(pending, "job")}`),
    list.length > 0 ? table("Jobs that wait, in the scheduler's order", [
      { head: "Job", number: true, cell: (job) => h("a", { href: `#/job/${job.id}` }, job.id) },
      { head: "Name", cell: name },
      { head: "Project", cell: (job) => toProject(job.project) },
      { head: "Priority", number: true, cell: (job) => count(job.priority) },
      { head: "Nodes × GPUs", number: true, cell: (job) => `${job.nodeCount} × ${job.devicesPerNode}` },
      { head: "Waited", number: true, cell: (job) => duration(job.waitedSeconds) },
      { head: "Starts about", cell: (job) => h("time", { datetime: job.startEstimate }, moment(job.startEstimate)) },
      { head: "Why it waits", wide: true, cell: reasons },
    ], list, (job) => job.id)
      : nothing(isBusy ? "No job waits: all that was submitted runs." : "No job waits and none runs. To submit one:",
        ...(isBusy ? [] : ["muster init && muster submit job.yaml", "muster run --nodes 1 -- hostname"])),
    more ? h("p", null, `The first ${count(list.length)} of ${count(pending)} are shown.`) : null);
}

// The first cause as it is; what else there is to know opens.
function reasons(job) {
  const [first, ...rest] = job.causes.map((cause) => cause.message);
  const more = [...rest, ...job.wouldStartNow.map((change) => change.message)];
  if (more.length === 0) return first ?? none;
  return h("details", null, h("summary", null, first), h("ul", null, more.map((text) => h("li", null, text))));
}

function showRunning(section, { list, more }) {
  update(section, h("h2", null, `Running: ${count(list.length, "job")}${more ? " and more" : ""}`),
    list.length === 0 ? h("p", null, "Nothing runs.") : table("Jobs that run", [
      { head: "Job", number: true, cell: (job) => h("a", { href: `#/job/${job.id}` }, job.id) },
      { head: "Name", cell: name },
      { head: "Project", cell: (job) => toProject(job.project) },
      { head: "State", cell: (job) => h("span", { class: `state ${job.state}` }, job.state) },
      { head: "Nodes", number: true, cell: (job) => count(job.nodes.length) },
      { head: "Step", number: true, cell: (job) => count(job.step) },
      { head: "Loss", number: true, cell: (job) => job.loss ?? none },
      { head: "Checkpoint", number: true, cell: (job) => count(job.checkpointStep) },
      { head: "Attempt", number: true, cell: (job) => job.attempt },
      { head: "Since its start", number: true, cell: (job) => since(job.startedAt) },
    ], list, (job) => job.id));
}
