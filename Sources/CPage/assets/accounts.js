// GPU time by what it went into: the ledger's accounts, from what was worth it to what was not.
import { get, Refused } from "./api.js";

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

// What a person paid for and got nothing from: neither work, nor free, nor meant to stand still.
const worth = new Set(["productive", "checkpointing", "evaluating", "free", "maintenance"]);

export function waste(gpuMilliseconds) {
  return Object.entries(gpuMilliseconds).reduce((sum, [name, time]) => sum + (worth.has(name) ? 0 : time), 0);
}

export function total(gpuMilliseconds) {
  return Object.values(gpuMilliseconds).reduce((sum, time) => sum + time, 0);
}

// null: this controller keeps no ledger.
export async function ledger(by, signal) {
  try {
    return await get(`/v1/accounts?by=${by}`, signal);
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return null;
    throw error;
  }
}
