// What a week's jobs wasted, the worst first: each with its cause, and the next step in the job's own page.
import { now, Refused } from "./api.js";
import { h, table, toProject, update } from "./dom.js";
import { count, none, percent } from "./format.js";

const week = 7 * 86_400_000;
const jobsShown = 20;

export const hours = (value) => (value === null || value === undefined ? none
  : `${value < 100 ? value.toFixed(1) : count(Math.round(value))} GPU h`);
export const money = (told) => (told ? `${count(Math.round(told.amount))} ${told.currency}` : none);

// What was found, each with what it costs, the next step and what it rests on.
export function findingList(findings, currency) {
  return h("ul", { class: "findings" }, findings.map((finding) => h("li", { "data-key": finding.kind },
    h("strong", { class: finding.severity === "warn" ? "bad" : null }, finding.sentence), " ",
    finding.gpuHours > 0 ? h("small", null, hours(finding.gpuHours)
      + (currency && finding.cost !== null ? `, ${finding.cost} ${currency}` : "")) : null,
    h("div", null, finding.nextStep),
    h("ul", { class: "evidence", "aria-label": "Evidence" }, finding.evidence.map((text) => h("li", null, text))))));
}

export async function loadWaste(view) {
  const from = new Date(now() - week).toISOString();
  try {
    const [waste, goodput] = await Promise.all([
      view.get(`/v1/waste?by=job&limit=${jobsShown}&from=${from}`), view.get(`/v1/goodput?by=project&from=${from}`),
    ]);
    return { waste, goodput };
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return null;
    throw error;
  }
}

export function showWaste(section, { waste, goodput }) {
  const { whole } = goodput;
  update(section,
    h("h2", null, "The last seven days"),
    h("div", { class: "figures" }, [
      ["scheduling", whole.scheduling, "of the capacity was held by jobs"],
      ["runtime", whole.runtime, "of that was productive"],
      ["program", whole.program, whole.programShare < 1
        ? `of the peak, where it was measured (${percent(whole.programShare)} of the time)` : "of the peak was reached"],
      ["together", whole.product, "scheduling × runtime × program goodput"],
    ].map(([name, share, text]) => h("div", null, h("strong", null, percent(share)), h("span", null, `${name}: ${text}`)))),
    h("h2", null, "Waste, job by job"),
    waste.rows.length === 0
      ? h("p", null, `Nothing found in ${count(waste.all.jobs, "job")}. Short runs get no advice.`)
      : table("Waste by job, the worst first", [
        { head: "Job", number: true, cell: (row) => h("a", { href: `#/job/${row.key}` }, row.key) },
        { head: "Name", cell: (row) => row.name },
        { head: "Project", cell: (row) => toProject(row.project) },
        { head: "User", cell: (row) => row.user },
        { head: "GPUs", number: true, cell: (row) => count(row.devices) },
        { head: "Wasted", number: true, cell: (row) => hours(row.gpuHoursWasted) },
        { head: "A week like this", number: true, cell: (row) => (waste.hasPrices ? money(row.costAWeek)
          : hours(row.gpuHoursAWeek)) },
        { head: "Why", wide: true, cell: (row) => h("ul", { class: "evidence" },
          row.findings.map((finding) => h("li", null, finding.sentence))) },
      ], waste.rows, (row) => row.key),
    waste.jobsLeftOut > 0 ? h("p", null, h("small", null,
      `${count(waste.jobsLeftOut)} jobs that held less were not looked at.`)) : null,
    waste.hasPrices ? null : h("p", null, h("small", null,
      "No money is told: the controller has no price book (`muster server --efficiency FILE`).")));
}
