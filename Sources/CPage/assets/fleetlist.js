// The same fleet as tables: level by level, then the nodes of one domain. For readers of screens, and for looking up.
import { h, table } from "./dom.js";
import { count, percent } from "./format.js";
import { kinds, place } from "./fleetmodel.js";

// Rows of nodes shown at once.
const limit = 500;

// `path`: names of domains, outermost first; the table is of what lies within.
export function fleetList(model, path) {
  let [from, to] = [0, model.count];
  const depth = Math.min(path.length, model.levels.length);
  for (let level = 0; level < depth; level++) {
    const { names, starts } = model.levels[level];
    const found = names.findIndex((name, d) => name === path[level] && starts[d] >= from && starts[d] < to);
    if (found < 0) return h("p", { role: "alert" }, `There is no ${model.levels[level].name} "${path[level]}" here.`);
    [from, to] = [starts[found], starts[found + 1]];
  }
  return h("div", null, crumbs(model, path),
    depth < model.levels.length ? domains(model, path, depth, from, to) : nodes(model, from, to));
}

function link(path, text) {
  return h("a", { href: "#/fleet/list" + path.map((name) => "/" + encodeURIComponent(name)).join("") }, text);
}

function crumbs(model, path) {
  return h("p", null, link([], "all"), path.map((name, i) =>
    [" / ", link(path.slice(0, i + 1), `${model.levels[i]?.name ?? ""} ${name}`)]));
}

function domains(model, path, depth, from, to) {
  const { name, names, starts } = model.levels[depth];
  const rows = [];
  for (let d = place(starts, from); d < names.length && starts[d] < to; d++) {
    rows.push({ name: names[d], ...model.counts(starts[d], starts[d + 1]) });
  }
  const number = (i) => ({ head: kinds[i].word, number: true, cell: (row) => count(row.kinds[i]) });
  return table(`Domains: ${name}`, [
    { head: name, cell: (row) => link([...path, row.name], row.name) },
    { head: "nodes", number: true, cell: (row) => count(row.nodes) },
    ...kinds.map((_, i) => number(i)),
    { head: "GPUs in use", number: true, cell: (row) => `${count(row.used)} of ${count(row.devices)}` },
    { head: "share", number: true, cell: (row) => (row.devices ? percent(row.used / row.devices) : "–") },
  ], rows, (row) => row.name);
}

function state(kind) {
  return h("span", { class: `state ${kind.name}` }, kind.word);
}

function nodes(model, from, to) {
  const rows = [];
  for (let i = from; i < Math.min(to, from + limit); i++) rows.push(i);
  return h("div", null, table("Nodes", [
    { head: "node", cell: (i) => h("a", { href: `#/node/${encodeURIComponent(model.name(i))}` }, model.name(i)) },
    { head: "state", cell: (i) => state(kinds[model.kinds[i]]) },
    { head: "GPUs in use", number: true, cell: (i) => `${model.used[i]} of ${model.devices[i]}` },
    { head: "jobs", cell: (i) => model.tenants(i).map(({ job, devices }) =>
      [h("a", { href: `#/job/${job}` }, `job ${job}`), ` on ${devices} `]) },
  ], rows, (i) => model.name(i)),
  to - from > limit ? h("p", null, `${limit} of ${count(to - from)} nodes shown.`) : null);
}
