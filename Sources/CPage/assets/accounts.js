// GPU time by what it went into: the ledger's accounts, from what was worth it to what was not.
import { get, now, Refused } from "./api.js";
import { h } from "./dom.js";
import { gpuHours, percent, words } from "./format.js";

export const accounts = [
  { name: "productive", colour: "#3f8f5f" }, { name: "checkpointing", colour: "#6aa84f" },
  { name: "evaluating", colour: "#9ac17c" }, { name: "starting", colour: "#7aa6d1" },
  { name: "redone", colour: "#d98a3d" }, { name: "hung", colour: "#c0392b" },
  { name: "straggling", colour: "#e07b5a" }, { name: "inputStall", colour: "#e6b35c" },
  { name: "preempted", colour: "#b58bb8" }, { name: "draining", colour: "#8f7aa8" },
  { name: "verifying", colour: "#6f86b8" }, { name: "broken", colour: "#8c2f39" },
  { name: "heldForGang", colour: "#a3b86c" }, { name: "maintenance", colour: "#8595a5" },
  { name: "free", colour: "#c9ced4" }, { name: "unattributed", colour: "#5c646d" },
];

// What was paid for and gave nothing; `muster accounts` marks the same. Waste is something else: what a job could use
// better, which `/v1/waste` finds in productive time, too.
const lost = ["redone", "hung", "straggling", "inputStall", "preempted", "broken"];
export const lostText = "Lost: redone, hung, straggling, stalled for input, preempted, on broken nodes.";

export function timeLost(gpuMilliseconds) {
  return lost.reduce((sum, name) => sum + (gpuMilliseconds[name] ?? 0), 0);
}

export function total(gpuMilliseconds) {
  return Object.values(gpuMilliseconds).reduce((sum, time) => sum + time, 0);
}

// Of the last so many milliseconds, or of all time. null: this controller keeps no ledger.
export async function ledger(by, signal, span) {
  const from = span ? `&from=${new Date(now() - span).toISOString()}` : "";
  try {
    return await get(`/v1/accounts?by=${by}${from}`, signal);
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return null;
    throw error;
  }
}

// One bar of all accounts that there is time in.
export function accountsBar(gpuMilliseconds) {
  const whole = total(gpuMilliseconds);
  const shown = accounts.filter(({ name }) => gpuMilliseconds[name] > 0);
  const text = (name) => `${words(name)} ${gpuHours(gpuMilliseconds[name])}, ${percent(gpuMilliseconds[name] / whole)}`;
  return h("div", { class: "bar", role: "img", "aria-label": shown.map(({ name }) => text(name)).join("; ") },
    shown.map(({ name, colour }) => h("span", {
      title: text(name), style: { "flex-grow": String(gpuMilliseconds[name] / whole), "--part": colour },
    })));
}
