// One job: how far it is, where its time went, what went wrong and what that was concluded from, its ranks, its logs.
import { showEfficiency, showJobDevices } from "./devices.js";
import { h, table, toProject, update } from "./dom.js";
import { count, duration, moment, none, percent, since, words } from "./format.js";
import { showLogs } from "./logs.js";

export const title = ([id]) => `job ${id}`;

// Rows of ranks shown at once: those first that are not as they should be.
const rankLimit = 256;
const parts = ["productive", "checkpointing", "evaluating", "starting", "redone", "detecting", "hung", "straggling",
  "inputStall", "preempted", "stopping", "ending", "unattributed"];
const meaning = {
  productive: "steps that counted", checkpointing: "ranks saved their work", evaluating: "ranks evaluated",
  starting: "until the first step", redone: "work that a fault took, done again",
  detecting: "from a fault until it was known", hung: "after the last step of an attempt that hung",
  straggling: "fast ranks waited for slow ones", inputStall: "ranks waited for data",
  preempted: "work that another job's place took, and the stop", stopping: "until all ranks were gone",
  ending: "after the last step", unattributed: "after the last step of an attempt that was ended",
};

export async function open(view) {
  const [id] = view.parts;
  const head = h("section", { "aria-label": "The job" });
  const goodput = h("section", { "aria-label": "Goodput" });
  const waste = h("section", { "aria-label": "Waste" });
  const devices = h("section", { "aria-label": "Devices" });
  const timeline = h("section", { "aria-label": "Attempts and incidents" });
  const ranks = h("section", { "aria-label": "Ranks" });
  const logs = h("section", { "aria-label": "Log" });
  view.root.append(head, goodput, waste, devices, timeline, ranks, logs);
  let isReading = false;
  // A task of an array is asked for by its name.
  let number = id;
  await view.keep(async () => {
    const job = await view.get(`/v1/jobs/${encodeURIComponent(id)}`);
    number = job.id;
    const [report, why] = await Promise.all([
      view.get(`/v1/jobs/${job.id}/report`), job.state === "pending" ? view.get(`/v1/jobs/${job.id}/why`) : null,
    ]);
    showHead(head, job, why);
    showGoodput(goodput, report);
    showTimeline(timeline, job, report);
    showRanks(ranks, job);
    if (!isReading && job.attempt > 0) {
      isReading = true;
      showLogs(logs, view, job);
    }
  }, { seconds: 2, least: 500, when: (event) => event.job === Number(id) || event.job === undefined });
  // After the rest is there: what it asks for is more, and new every ten seconds at most.
  await view.keep(async () => {
    const [told, counters] = await Promise.all([
      view.get(`/v1/jobs/${number}/efficiency`), view.get(`/v1/jobs/${number}/devices`),
    ]);
    if (told.devices === 0 && !counters.source) return;
    showEfficiency(waste, told);
    await showJobDevices(devices, counters);
  }, { seconds: 10, least: 5000 });
}

function pairs(list) {
  return h("dl", null, list.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => [h("dt", null, name), h("dd", null, value)]));
}

function nodeLinks(names) {
  const shown = names.slice(0, 32).map((name) => [h("a", { href: `#/node/${encodeURIComponent(name)}` }, name), " "]);
  return [shown, names.length > 32 ? `and ${names.length - 32} more` : ""];
}

function showHead(section, job, why) {
  const { spec } = job;
  update(section,
    h("h1", null, `Job ${job.id} `, job.name, " ", h("span", { class: `state ${job.state}` }, words(job.state))),
    job.reason && job.state !== "pending"
      ? h("p", { class: job.state === "completed" ? null : "bad" }, job.reason) : null,
    why ? whyList(why) : null,
    h("div", { class: "columns" },
      pairs([
        ["Step", count(job.step)], ["Loss", job.loss ?? none], ["Checkpoint of step", count(job.checkpointStep)],
        ["Resumed after step", job.resumeStep > 0 ? count(job.resumeStep) : null],
        ["Attempt", job.attempt > 0 ? count(job.attempt) : none], ["Exit code", job.exitCode],
      ]),
      pairs([
        ["Project", toProject(job.project)], ["User", job.user], ["Priority", count(job.priority)],
        ["Nodes", `${count(job.nodeCount)}, ${count(job.worldSize, "rank")}`],
        ["Walltime", spec?.walltimeSeconds ? duration(spec.walltimeSeconds) : null],
      ]),
      pairs([
        ["Submitted", moment(job.submittedAt)], ["Started", moment(job.startedAt)],
        [job.endedAt ? "Ended" : "Running for", job.endedAt ? moment(job.endedAt) : since(job.startedAt)],
        ["On", job.nodes.length ? nodeLinks(job.nodes) : none],
      ])));
}

function whyList(why) {
  return h("div", null, h("h2", null, "Why it waits"),
    h("ul", null, why.causes.map((cause) => h("li", null, cause.message)),
      why.wouldStartNow.map((change) => h("li", null, change.message))),
    h("p", null, why.startEstimate ? `It may start at ${why.startEstimate}.` : "When it starts cannot be told yet."));
}

function showGoodput(section, report) {
  if (!report.heldSeconds) return update(section);
  const { waiting } = report.lostSeconds;
  const seconds = { productive: report.productiveSeconds };
  for (const [name, value] of Object.entries(report.lostSeconds)) seconds[name] = value;
  const shown = parts.filter((name) => seconds[name] > 0);
  update(section,
    h("h2", null, `Goodput ${percent(report.goodput)}`),
    h("p", null, `${duration(report.productiveSeconds)} productive of ${duration(report.heldSeconds)} held, `
      + `${count(report.stepsLost, "step")} lost`
      + (waiting > 0 ? `; ${duration(waiting)} between attempts, in which it held nothing` : "")),
    h("div", { class: "bar", role: "img", "aria-label": shown.map((name) =>
      `${words(name)} ${duration(seconds[name])}`).join(", ") },
    shown.map((name) => h("span", { class: name, style: { "flex-grow": String(seconds[name]) },
      title: `${words(name)}: ${duration(seconds[name])}, ${meaning[name]}` }))),
    h("ul", { class: "parts" }, shown.map((name) =>
      h("li", { title: meaning[name] }, h("span", { class: `swatch ${name}` }), `${words(name)} ${duration(seconds[name])} `,
        h("small", null, percent(seconds[name] / report.heldSeconds))))));
}

// Attempts and faults in the order in which they happened.
function showTimeline(section, job, report) {
  const entries = [{ at: job.submittedAt, content: "submitted" }];
  for (const attempt of job.attempts) {
    const from = attempt.resumeStep > 0 ? `, resuming after step ${count(attempt.resumeStep)}` : "";
    entries.push({ at: attempt.startedAt, content: `attempt ${attempt.number} placed${from}` });
    const add = (at, text) => { if (at) entries.push({ at, content: `attempt ${attempt.number} ${text}` }); };
    add(attempt.runningAt, "runs: every rank has been started");
    add(attempt.warnedAt, "is warned: its walltime ends soon");
    const how = attempt.outcome ? ` (${words(attempt.outcome)})` : "";
    add(attempt.endedAt, `ended at step ${count(attempt.lastStep)}${how}`);
  }
  for (const fault of report.faults) entries.push({ at: fault.at, isFault: true, content: incident(fault) });
  if (job.endedAt) entries.push({ at: job.endedAt, content: words(job.state) + (job.reason ? `: ${job.reason}` : "") });
  // As times they may be equal: a stable sort leaves what was told first before.
  entries.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  update(section, h("h2", null, "Attempts and incidents"),
    h("ol", { class: "timeline" }, entries.map((entry) => h("li", { class: entry.isFault ? "fault" : null },
      h("time", { datetime: entry.at }, moment(entry.at)), entry.content))));
}

function incident(fault) {
  const where = [
    fault.node ? ["node ", h("a", { href: `#/node/${encodeURIComponent(fault.node)}` }, fault.node)] : null,
    fault.rank === null ? null : ` rank ${fault.rank}`,
  ];
  const again = fault.resumedAfterSeconds === null ? "not running again yet"
    : `running again after ${duration(fault.resumedAfterSeconds)}`;
  return [
    h("strong", null, words(fault.cause)), " ", where,
    h("span", null, ` · verdict ${words(fault.component)}, ${fault.confidence}; action ${words(fault.action)} · `
      + `detected after ${duration(fault.detectedAfterSeconds)}, ${again}, ${count(fault.stepsLost, "step")} lost`),
    h("ul", { class: "evidence", "aria-label": "Evidence" }, fault.evidence.map((text) => h("li", null, text))),
  ];
}

function showRanks(section, job) {
  if (job.ranks.length === 0) return update(section);
  const steps = job.ranks.map((rank) => rank.step).filter((step) => step !== null);
  // Not by spreading: half a million ranks are more arguments than a call may have.
  const least = steps.reduce((a, b) => Math.min(a, b), Infinity), most = steps.reduce((a, b) => Math.max(a, b), -Infinity);
  // Ranks tell their steps one after another: one step apart is in step.
  const isOdd = (rank) =>
    (job.state === "running" && rank.state !== "running") || (rank.step !== null && rank.step < most - 1);
  const ranks = [...job.ranks].sort((a, b) => Number(isOdd(b)) - Number(isOdd(a)) || a.rank - b.rank);
  update(section, h("h2", null, `Ranks: ${count(job.ranks.length)}`),
    steps.length ? h("p", null, most - least < 2 ? `All that say steps are at step ${count(most)}.`
      : `Steps from ${count(least)} to ${count(most)}: those behind come first.`) : null,
    table("Ranks", [
      { head: "Rank", number: true, cell: (rank) => h("a", { href: `#/job/${job.id}/rank/${rank.rank}` }, rank.rank) },
      { head: "Role", cell: (rank) => rank.role },
      { head: "Node", cell: (rank) => h("a", { href: `#/node/${encodeURIComponent(rank.node)}` }, rank.node) },
      { head: "State", cell: (rank) => h("span", { class: `state ${rank.state}` }, rank.state) },
      { head: "Step", number: true, cell: (rank) => count(rank.step) },
      { head: "Steps behind", number: true, cell: (rank) => (rank.step === null ? none : count(most - rank.step)) },
      { head: "Process", number: true, cell: (rank) => rank.pid ?? none },
      { head: "Ended with", cell: (rank) => (rank.signal ? `signal ${rank.signal}`
        : rank.exitCode === null ? none : `exit code ${rank.exitCode}`) },
    ], ranks.slice(0, rankLimit), (rank) => rank.rank),
    ranks.length > rankLimit ? h("p", null, `${rankLimit} of ${count(ranks.length)} ranks shown.`) : null);
}
