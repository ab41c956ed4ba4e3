// The answer of /v1/map, unpacked into arrays by node, and its counts by ranges of nodes.

// What a node is on the map: its sign in a cell, its word, and the name of its colour.
export const kinds = [
  { letter: "r", name: "free", word: "free", sign: "" },
  { letter: "r", name: "busy", word: "busy", sign: "" },
  { letter: "s", name: "suspect", word: "suspect", sign: "?" },
  { letter: "i", name: "isolated", word: "isolated", sign: "×" },
  { letter: "d", name: "draining", word: "draining or drained", sign: "↓" },
  { letter: "m", name: "maintenance", word: "in maintenance", sign: "m" },
  { letter: "h", name: "held", word: "held for a gang", sign: "h" },
  { letter: "a", name: "away", word: "no agent connected", sign: "–" },
];
const kindOf = Object.fromEntries(kinds.map((kind, i) => [kind.letter, i]));
kindOf.r = 0;
export const [free, busy, , isolated] = kinds.keys();

function unpack(runs, into, value = (x) => x) {
  let at = 0;
  for (let i = 0; i < runs.length; i += 2) {
    const end = at + runs[i + 1];
    into.fill(value(runs[i]), at, end);
    at = end;
  }
  return into;
}

function bits(number) {
  let n = number - ((number >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  return (((n + (n >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}

export class Model {
  constructor(answer) {
    const n = answer.nodes;
    this.count = n;
    this.sequence = answer.sequence;
    this.at = answer.at;
    // Of each level: names of its domains and where each begins; one more start is the end.
    this.levels = answer.levels.map((level) => {
      const starts = new Int32Array(level.nodes.length + 1);
      level.nodes.forEach((nodes, i) => { starts[i + 1] = starts[i] + nodes; });
      return { name: level.level, names: level.domains, starts };
    });
    this.runs = answer.names;
    this.runStarts = new Int32Array(answer.names.length + 1);
    answer.names.forEach((run, i) => { this.runStarts[i + 1] = this.runStarts[i] + run[3]; });
    this.devices = unpack(answer.devices, new Uint8Array(n));
    const counts = unpack(answer.placements, new Uint8Array(n));
    this.placeStarts = new Int32Array(n + 1);
    for (let i = 0; i < n; i++) this.placeStarts[i + 1] = this.placeStarts[i] + counts[i];
    const places = this.placeStarts[n];
    this.jobs = unpack(answer.jobs, new Float64Array(places));
    // Devices 0 to 31, and 32 to 63.
    this.low = unpack(answer.masks, new Uint32Array(places), (mask) => parseInt(mask.slice(-8), 16));
    this.high = unpack(answer.masks, new Uint32Array(places), (mask) => parseInt(mask.slice(0, -8) || "0", 16));
    this.kinds = unpack(answer.standings, new Uint8Array(n), (letter) => kindOf[letter] ?? kinds.length - 1);
    this.used = new Uint8Array(n);
    for (let i = 0; i < n; i++) {
      for (let p = this.placeStarts[i]; p < this.placeStarts[i + 1]; p++) {
        this.used[i] += bits(this.low[p]) + bits(this.high[p]);
      }
      if (this.kinds[i] === free && counts[i] > 0) this.kinds[i] = busy;
    }
    this.sum();
  }

  // Sums of all nodes before each: the counts of any range are one subtraction.
  sum() {
    const n = this.count;
    this.sums = kinds.map(() => new Int32Array(n + 1));
    this.deviceSums = new Int32Array(n + 1);
    this.usedSums = new Int32Array(n + 1);
    for (let i = 0; i < n; i++) {
      for (let kind = 0; kind < kinds.length; kind++) {
        this.sums[kind][i + 1] = this.sums[kind][i] + (this.kinds[i] === kind ? 1 : 0);
      }
      this.deviceSums[i + 1] = this.deviceSums[i] + this.devices[i];
      this.usedSums[i + 1] = this.usedSums[i] + this.used[i];
    }
  }

  counts(from = 0, to = this.count) {
    return {
      nodes: to - from, kinds: this.sums.map((sum) => sum[to] - sum[from]),
      devices: this.deviceSums[to] - this.deviceSums[from], used: this.usedSums[to] - this.usedSums[from],
    };
  }

  // Of each domain of a level: the share of its GPUs that is in use, and of its nodes that take no work.
  shares(level) {
    this.known ??= [];
    this.known[level] ??= (() => {
      const { starts } = this.levels[level];
      const [used, wrong] = [new Float32Array(starts.length - 1), new Float32Array(starts.length - 1)];
      for (let d = 0; d < used.length; d++) {
        const counts = this.counts(starts[d], starts[d + 1]);
        used[d] = counts.devices ? counts.used / counts.devices : 0;
        wrong[d] = counts.nodes ? 1 - (counts.kinds[free] + counts.kinds[busy]) / counts.nodes : 0;
      }
      return { used, wrong };
    })();
    return this.known[level];
  }

  name(node) {
    const run = place(this.runStarts, node);
    const [stem, first, width] = this.runs[run];
    return first < 0 ? stem : stem + String(first + node - this.runStarts[run]).padStart(width, "0");
  }

  // b1/r17, of as many levels as asked for.
  path(node, depth = this.levels.length) {
    return this.levels.slice(0, depth).map((level) => level.names[place(level.starts, node)]).join("/");
  }

  // [{job, devices}], the node's.
  tenants(node) {
    const list = [];
    for (let p = this.placeStarts[node]; p < this.placeStarts[node + 1]; p++) {
      list.push({ job: this.jobs[p], devices: bits(this.low[p]) + bits(this.high[p]) });
    }
    return list;
  }

  // Whose a device is; 0: nobody's.
  owner(node, device) {
    const [masks, bit] = device < 32 ? [this.low, device] : [this.high, device - 32];
    for (let p = this.placeStarts[node]; p < this.placeStarts[node + 1]; p++) {
      if ((masks[p] >>> bit) & 1) return this.jobs[p];
    }
    return 0;
  }

  // One line for people, and for those who listen.
  describe(node) {
    const tenants = this.tenants(node).map(({ job, devices }) => `job ${job} on ${devices}`).join(", ");
    return `${this.name(node)} in ${this.path(node)}: ${kinds[this.kinds[node]].word}, `
      + `${this.used[node]} of ${this.devices[node]} GPUs in use${tenants ? `: ${tenants}` : ""}`;
  }
}

// The last of ascending starts that is not after a place.
export function place(starts, at) {
  let [low, high] = [0, starts.length - 2];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle] <= at) low = middle;
    else high = middle - 1;
  }
  return low;
}
