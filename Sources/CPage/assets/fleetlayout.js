// Where nodes stand on the map, in cells of one node: domains are boxes in boxes, packed in rows.
import { place } from "./fleetmodel.js";

const innerAspect = 1.6;

// As even rows as there may be at about that aspect: 6 are 3 and 3, not 4 and 2.
function columnsFor(count, aspect) {
  const ideal = Math.sqrt(count * aspect);
  const [least, most] = [Math.max(1, Math.floor(ideal)), Math.max(1, Math.ceil(ideal))];
  const waste = (columns) => columns * Math.ceil(count / columns) - count;
  return waste(least) <= waste(most) ? least : most;
}

// Widths to try: of the first few boxes, and around what the area asks for.
function limits(boxes, gap, head, aspect) {
  if (boxes.length === 0) return [];
  const widest = Math.max(...boxes.map((box) => box.width));
  const area = boxes.reduce((sum, box) => sum + (box.width + gap) * (box.height + gap + head), 0);
  const list = [];
  let width = -gap;
  for (const box of boxes.slice(0, 12)) list.push(width += box.width + gap);
  for (let part = 0.5; part <= 2; part += 0.1) list.push(Math.ceil(Math.sqrt(area * aspect) * part));
  return list.map((limit) => Math.max(widest, limit));
}

// Each box takes some lines more than it has, for its name.
function inRows(boxes, limit, gap, head) {
  let [x, y, row, width] = [0, 0, 0, 0];
  const corners = boxes.map((box) => {
    if (x > 0 && x + box.width > limit) {
      x = 0;
      y += row + gap;
      row = 0;
    }
    const corner = { left: x, top: y };
    x += box.width + gap;
    row = Math.max(row, box.height + head);
    width = Math.max(width, x - gap);
    return corner;
  });
  return { corners, width, height: y + row };
}

export class Layout {
  // For a view of so many pixels, in which all is to be seen.
  constructor(model, width, height) {
    const outermost = model.levels[0]?.names.length ?? 0;
    const cell = Math.sqrt((width * height) / Math.max(1, 1.8 * model.count));
    // By level: lines above a box for its name. Of outer ones it should be legible from afar.
    this.heads = model.levels.map((_, level) =>
      (level === 0 && outermost <= 400 && model.levels.length > 1 ? Math.max(1, Math.round(12 / cell)) : 1));
    const n = model.count;
    this.x = new Int32Array(n);
    this.y = new Int32Array(n);
    // By level, four numbers a domain: left, top, width, height.
    this.boxes = model.levels.map((level) => new Int32Array(4 * level.names.length));
    const whole = this.pack(model, 0, 0, n, width / height);
    this.width = Math.max(1, whole.width);
    this.height = Math.max(1, whole.height);
    this.settle(whole, 0, 0);
    this.grid = new Int32Array(this.width * this.height).fill(-1);
    for (let i = 0; i < n; i++) this.grid[this.y[i] * this.width + this.x[i]] = i;
  }

  pack(model, level, from, to, aspect) {
    if (level === model.levels.length) {
      const columns = columnsFor(to - from, aspect);
      return { from, to, columns, width: Math.min(columns, to - from), height: Math.ceil((to - from) / columns) };
    }
    const { starts } = model.levels[level];
    const inner = [];
    for (let d = place(starts, from); d < starts.length - 1 && starts[d] < to; d++) {
      inner.push({ ...this.pack(model, level + 1, starts[d], starts[d + 1], innerAspect), level, domain: d });
    }
    // Between outer boxes there is more space than between inner ones.
    const gap = level + 1 < model.levels.length ? 2 : 1;
    let best = null;
    const head = this.heads[level];
    for (const limit of limits(inner, gap, head, aspect)) {
      const rows = inRows(inner, limit, gap, head);
      // A shape that is not asked for, and room that is left empty, both make everything smaller.
      const strain = Math.abs(Math.log(rows.width / rows.height / aspect)) + Math.log(rows.width * rows.height);
      if (!best || strain < best.strain) best = { ...rows, strain };
    }
    if (!best) return { inner, width: 0, height: 0 };
    inner.forEach((box, i) => Object.assign(box, best.corners[i]));
    return { inner, width: best.width, height: best.height };
  }

  settle(box, left, top) {
    if (!box.inner) {
      for (let i = box.from; i < box.to; i++) {
        this.x[i] = left + ((i - box.from) % box.columns);
        this.y[i] = top + Math.floor((i - box.from) / box.columns);
      }
      return;
    }
    for (const inner of box.inner) {
      const [x, y, head] = [left + inner.left, top + inner.top, this.heads[inner.level]];
      this.boxes[inner.level].set([x, y, inner.width, inner.height + head], 4 * inner.domain);
      this.settle(inner, x, y + head);
    }
  }

  at(x, y) {
    return x < 0 || y < 0 || x >= this.width || y >= this.height ? -1 : this.grid[y * this.width + x];
  }

  // The nearest node in a direction: along the line first, then in the lines beside it.
  beside(node, dx, dy) {
    const reach = Math.max(this.width, this.height);
    for (let aside = 0; aside < 12; aside++) {
      for (let step = 1; step < reach; step++) {
        for (const side of aside ? [-aside, aside] : [0]) {
          const [x, y] = [this.x[node] + dx * step + (dy ? side : 0), this.y[node] + dy * step + (dx ? side : 0)];
          const found = this.at(x, y);
          if (found >= 0) return found;
        }
      }
    }
    return node;
  }
}
