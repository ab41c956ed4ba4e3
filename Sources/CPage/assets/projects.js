// Projects: what is guaranteed, what is used, borrowed, and what the time went into.
import { ledger, timeLost, lostText, total } from "./accounts.js";
import { h, inTree, nothing, table, toProject, update } from "./dom.js";
import { loadWaste, showWaste } from "./waste.js";
import { count, gpuHours, moment, none, percent } from "./format.js";

export const title = () => "projects";

export async function open(view) {
  const section = h("section", { "aria-label": "Projects" });
  const wasted = h("section", { "aria-label": "Waste" });
  view.root.append(h("h1", null, "Projects"), section, wasted);
  await view.keep(async () => {
    const [quota, accounts] = await Promise.all([view.get("/v1/quota"), ledger("project", view.signal)]);
    show(section, quota, accounts);
  }, { seconds: 15, least: 2000 });
  // It looks at every job of a week: asked for last, and seldom.
  await view.keep(async () => {
    const told = await loadWaste(view);
    if (told) showWaste(wasted, told);
  }, { seconds: 60, least: 30_000 });
}

// A row a project and device type, with children below their parent.
function rows(quota, accounts) {
  const byKey = new Map((accounts?.rows ?? []).map((row) => [row.key, row]));
  const depths = new Map();
  return quota.projects.flatMap((project) => {
    const depth = project.parent === null ? 0 : (depths.get(project.parent) ?? 0) + 1;
    depths.set(project.name, depth);
    const devices = project.devices.length ? project.devices : [{ deviceType: null, used: 0, guaranteed: null }];
    return devices.map((row, i) => ({
      ...row, project, depth, isFirst: i === 0, account: i === 0 ? byKey.get(project.name) : null,
    }));
  });
}

function show(section, quota, accounts) {
  const list = rows(quota, accounts);
  const capacity = quota.deviceTypes.reduce((sum, type) => sum + type.devices, 0);
  if (list.length === 0) {
    return update(section, nothing("No project is declared and no job runs. Quotas are declared in a policy file:",
      "muster apply -f policy.yaml"));
  }
  const isFirst = (body) => (row) => (row.isFirst ? body(row) : "");
  const columns = [
    { head: "Project", cell: isFirst((row) => inTree(row.depth, toProject(row.project.name),
      row.project.declared ? "" : h("small", null, " not declared"))) },
    { head: "Jobs", number: true, cell: isFirst((row) => count(row.project.runningJobs)) },
    { head: "GPU type", cell: (row) => row.deviceType === null ? "all" : row.deviceType || none },
    { head: "In use", number: true, cell: (row) => count(row.used, "GPU") },
    { head: "Guaranteed", number: true, cell: (row) => count(row.guaranteed) },
    { head: "Borrowed", number: true, cell: (row) => (row.borrowed ? `${count(row.borrowed)} of ${
      row.borrowLimit === null ? "any" : count(row.borrowLimit)}` : row.borrowed === 0 ? "0" : none) },
    { head: "Use of the guarantee", cell: (row) => useBar(row, capacity) },
  ];
  if (accounts) {
    columns.push(
      { head: "Held", number: true,
        cell: isFirst(({ account }) => gpuHours(account && total(account.gpuMilliseconds))) },
      { head: "Lost", number: true,
        cell: isFirst(({ account }) => (account ? gpuHours(timeLost(account.gpuMilliseconds)) : none)) },
      { head: "Goodput", number: true, cell: isFirst(({ account }) => percent(account?.goodput)) });
  }
  update(section,
    h("p", null, quota.deviceTypes.map((type) => `${count(type.devices)} GPUs${
      type.deviceType ? ` of type ${type.deviceType}` : ""}`).join(", ") || "The fleet has no GPU yet."),
    table("Projects", columns, list, (row) => `${row.project.name} ${row.deviceType}`),
    accounts ? h("p", null, h("small", null, `Time from ${moment(accounts.from)} to ${moment(accounts.to)}. `
      + lostText)) : null);
}

export function useBar(row, capacity) {
  // Where nothing is guaranteed, it is measured by the fleet.
  const whole = Math.max(row.guaranteed ?? capacity, row.used, 1);
  const own = row.guaranteed === null ? row.used : Math.min(row.used, row.guaranteed);
  const over = row.used - own;
  const text = row.guaranteed ? percent(row.used / row.guaranteed)
    : capacity ? `${percent(row.used / capacity)} of the fleet` : none;
  return h("span", null, h("span", { class: "bar thin", "aria-hidden": "true" },
    own ? h("span", { class: "used", style: { width: `${(own / whole) * 100}%` } }) : null,
    over ? h("span", { class: "over", style: { width: `${(over / whole) * 100}%` } }) : null), text);
}
