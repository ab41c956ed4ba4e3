// The fleet on a canvas. Far away domains are drawn as one box each, then all nodes as one image that is made when the
// fleet changes, and near by each node in view by itself: a frame never looks at all nodes.
import { listenToHands } from "./fleethands.js";
import { Layout } from "./fleetlayout.js";
import { busy, free, isolated, kinds } from "./fleetmodel.js";

const boxesBelow = 2.5;
export const nodesFrom = 9;
const devicesFrom = 22;
const namesFrom = 64;
// Of a fleet that is shown as a whole.
const nodeLimit = 72;

// A job keeps its colour for ever: the golden angle sets numbers that follow one another far apart.
export function jobHue(job) {
  return Math.round((job * 137.508) % 360);
}

export class FleetMap {
  constructor(canvas, { hover, open }) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.hover = hover;
    this.open = open;
    this.selected = -1;
    this.under = -1;
    this.isFitted = true;
    [this.scale, this.left, this.top] = [1, 0, 0];
    // Milliseconds of the last frames, for measuring.
    canvas.frames = [];
    this.readColours();
    listenToHands(this);
  }

  close() {
    this.observer.disconnect();
    this.scheme.removeEventListener("change", this.recolour);
  }

  readColours() {
    const style = getComputedStyle(this.canvas);
    const read = (name) => style.getPropertyValue(name).trim();
    this.dark = this.scheme?.matches ?? matchMedia("(prefers-color-scheme: dark)").matches;
    this.colours = {
      ground: read("--map"), line: read("--line"), text: read("--text"), quiet: read("--quiet"),
      accent: read("--accent"),
      kinds: kinds.map((kind) => read(`--${kind.name}`)),
    };
    this.jobColours = new Map();
  }

  jobColour(job) {
    let colour = this.jobColours.get(job);
    if (!colour) {
      colour = `hsl(${jobHue(job)} ${this.dark ? "45% 52%" : "50% 58%"})`;
      this.jobColours.set(job, colour);
    }
    return colour;
  }

  show(model) {
    const old = this.model;
    const isSamePlace = old && old.count === model.count && old.levels.length === model.levels.length
      && old.levels.every((level, i) => String(level.starts) === String(model.levels[i].starts));
    this.model = model;
    if (!isSamePlace) {
      this.canvas.parentElement.style.maxHeight = "";
      this.layout = new Layout(model, this.canvas.clientWidth || 1, this.canvas.clientHeight || 1);
      this.shrink();
      this.selected = Math.min(this.selected, model.count - 1);
      this.isFitted = true;
    }
    this.paintImage();
    if (this.isFitted) this.fit();
    this.request();
  }

  // One pixel a node.
  paintImage() {
    const { model, layout } = this;
    const image = new OffscreenCanvas(layout.width, layout.height);
    const context = image.getContext("2d");
    context.fillStyle = this.colours.ground;
    context.fillRect(0, 0, layout.width, layout.height);
    let last = "";
    for (let i = 0; i < model.count; i++) {
      const colour = this.nodeColour(i);
      if (colour !== last) context.fillStyle = last = colour;
      context.fillRect(layout.x[i], layout.y[i], 1, 1);
    }
    this.image = image.transferToImageBitmap();
  }

  nodeColour(node) {
    const kind = this.model.kinds[node];
    return kind === busy ? this.jobColour(this.model.jobs[this.model.placeStarts[node]]) : this.colours.kinds[kind];
  }

  // MARK: Looking

  resize() {
    const { width, height } = this.canvas.getBoundingClientRect();
    this.ratio = devicePixelRatio || 1;
    [this.viewWidth, this.viewHeight] = [width, height];
    this.canvas.width = Math.max(1, Math.round(width * this.ratio));
    this.canvas.height = Math.max(1, Math.round(height * this.ratio));
    if (this.layout && this.isFitted) this.fit();
    this.request();
  }

  // A small fleet needs no tall map.
  shrink() {
    const needed = this.layout.height * Math.min(nodeLimit, this.canvas.clientWidth / this.layout.width) + 24;
    this.canvas.parentElement.style.maxHeight = `${Math.max(96, Math.ceil(needed))}px`;
  }

  fit() {
    const { layout } = this;
    if (!this.viewWidth || !layout) return;
    const [width, height] = [(this.viewWidth - 16) / layout.width, (this.viewHeight - 16) / layout.height];
    const scale = Math.min(width, height, nodeLimit);
    this.scale = Math.max(0.05, scale);
    this.left = (this.viewWidth - layout.width * this.scale) / 2;
    this.top = Math.max(8, Math.min(24, (this.viewHeight - layout.height * this.scale) / 2));
    this.isFitted = true;
    this.request();
  }

  zoom(factor, x = this.viewWidth / 2, y = this.viewHeight / 2) {
    const scale = Math.min(120, Math.max(this.scale * factor, 0.2));
    this.left = x - ((x - this.left) / this.scale) * scale;
    this.top = y - ((y - this.top) / this.scale) * scale;
    this.scale = scale;
    this.isFitted = false;
    this.request();
  }

  pan(dx, dy) {
    this.left += dx;
    this.top += dy;
    this.isFitted = false;
    this.request();
  }

  request() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      const begin = performance.now();
      this.draw();
      this.canvas.frames.push(performance.now() - begin);
      if (this.canvas.frames.length > 600) this.canvas.frames.shift();
    });
  }

  nodeAt(x, y) {
    if (!this.layout) return -1;
    return this.layout.at(Math.floor((x - this.left) / this.scale), Math.floor((y - this.top) / this.scale));
  }

  select(node) {
    this.selected = node;
    if (node >= 0) {
      const x = this.left + (this.layout.x[node] + 0.5) * this.scale;
      const y = this.top + (this.layout.y[node] + 0.5) * this.scale;
      const out = (at, size) => (at < 20 ? 20 - at : at > size - 20 ? size - 20 - at : 0);
      const [dx, dy] = [out(x, this.viewWidth), out(y, this.viewHeight)];
      if (dx || dy) this.pan(dx, dy);
    }
    this.hover(node, this.point(node));
    this.request();
  }

  point(node) {
    if (node < 0) return null;
    return {
      x: this.left + (this.layout.x[node] + 1) * this.scale, y: this.top + (this.layout.y[node] + 1) * this.scale,
    };
  }

  // MARK: Drawing

  draw() {
    const { context } = this;
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.fillStyle = this.colours.ground;
    context.fillRect(0, 0, this.viewWidth, this.viewHeight);
    if (!this.model?.count) return;
    const level = this.scale < boxesBelow ? this.levelOfBoxes() : -1;
    if (level >= 0) {
      this.drawBoxes(level);
    } else {
      context.imageSmoothingEnabled = false;
      const { layout, scale } = this;
      const [width, height] = [layout.width * scale, layout.height * scale];
      if (scale < nodesFrom) context.drawImage(this.image, this.left, this.top, width, height);
      else this.drawNodes();
    }
    this.drawNames();
    this.outline(this.under, this.colours.text, 1);
    this.outline(this.selected, this.colours.accent, 2);
  }

  // The innermost level whose boxes can be told apart; -1: none.
  levelOfBoxes() {
    for (let level = this.layout.boxes.length - 1; level >= 0; level--) {
      const [, , width, height] = this.layout.boxes[level];
      if (Math.min(width, height) * this.scale >= 5) return level;
    }
    return -1;
  }

  // Calls `body` with the place in pixels of each domain of a level that is in view.
  eachBox(level, body) {
    const { scale, left, top } = this;
    const boxes = this.layout.boxes[level];
    for (let d = 0; d < boxes.length / 4; d++) {
      const x = left + boxes[4 * d] * scale, y = top + boxes[4 * d + 1] * scale;
      const width = boxes[4 * d + 2] * scale, height = boxes[4 * d + 3] * scale;
      if (x < this.viewWidth && y < this.viewHeight && x + width > 0 && y + height > 0) body(d, x, y, width, height);
    }
  }

  // Each box is filled from below by its share of GPUs in use; what is wrong in it is a bar of its own on the right.
  drawBoxes(level) {
    const { context, colours, model } = this;
    const { used, wrong } = model.shares(level);
    // One colour after the other: to change it costs more than to go through the boxes again.
    context.fillStyle = colours.kinds[free];
    this.eachBox(level, (d, x, y, width, height) => context.fillRect(x, y, width - 1, height - 1));
    context.fillStyle = colours.kinds[busy];
    this.eachBox(level, (d, x, y, width, height) => {
      const part = (height - 1) * used[d];
      if (part > 0) context.fillRect(x, y + height - 1 - part, width - 1, part);
    });
    context.fillStyle = colours.kinds[isolated];
    this.eachBox(level, (d, x, y, width, height) => {
      if (wrong[d] === 0) return;
      const bar = Math.max(2, width / 6);
      context.fillRect(x + width - 1 - bar, y, bar, Math.max(2, (height - 1) * wrong[d]));
    });
  }

  drawNodes() {
    const { layout, model, scale } = this;
    const level = layout.boxes.length - 1;
    const inner = Math.max(1, scale - (scale > 14 ? 2 : 1));
    const starts = model.levels[level].starts;
    this.eachBox(level, (d) => {
      for (let i = starts[d]; i < starts[d + 1]; i++) {
        const x = this.left + layout.x[i] * scale, y = this.top + layout.y[i] * scale;
        if (x > this.viewWidth || y > this.viewHeight || x + scale < 0 || y + scale < 0) continue;
        this.drawNode(i, x, y, inner);
      }
    });
  }

  drawNode(i, x, y, size) {
    const { context, colours, model, scale } = this;
    const kind = model.kinds[i];
    context.fillStyle = colours.kinds[kind === busy ? free : kind];
    context.fillRect(x, y, size, size);
    if (scale >= devicesFrom && model.devices[i] > 0) this.drawDevices(i, x, y, size);
    else if (model.used[i] > 0 || kind === busy) {
      // A node of which a part is used is filled as far.
      const share = model.devices[i] ? Math.max(0.15, model.used[i] / model.devices[i]) : 1;
      const part = kind === busy ? 1 : 0.5;
      context.fillStyle = this.jobColour(model.jobs[model.placeStarts[i]]);
      context.fillRect(x, y + size * (1 - share), size * part, size * share);
    }
    if (kinds[kind].sign) {
      context.fillStyle = colours.text;
      context.font = `bold ${Math.max(8, Math.min(size * 0.8, 28))}px system-ui, sans-serif`;
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.fillText(kinds[kind].sign, x + size / 2, y + size / 2 + 0.5);
    }
    if (scale >= namesFrom) {
      context.font = "10px system-ui, sans-serif";
      context.textAlign = "left";
      context.textBaseline = "top";
      context.fillStyle = colours.text;
      context.fillText(model.name(i), x + 3, y + 3, size - 6);
    }
  }

  drawDevices(i, x, y, size) {
    const { context, colours, model } = this;
    const count = model.devices[i];
    const columns = Math.ceil(Math.sqrt(count * 1.4));
    const head = this.scale >= namesFrom ? 14 : 0;
    const width = (size - 4) / columns, height = (size - 4 - head) / Math.ceil(count / columns);
    for (let device = 0; device < count; device++) {
      const owner = model.owner(i, device);
      const dx = x + 2 + (device % columns) * width, dy = y + 2 + head + Math.floor(device / columns) * height;
      if (owner) {
        context.fillStyle = this.jobColour(owner);
        context.fillRect(dx + 0.5, dy + 0.5, width - 1, height - 1);
      } else {
        context.strokeStyle = colours.line;
        context.strokeRect(dx + 1, dy + 1, width - 2, height - 2);
      }
    }
  }

  drawNames() {
    const { context, colours, model, scale } = this;
    context.textAlign = "left";
    context.textBaseline = "middle";
    model.levels.forEach((level, depth) => {
      // The name stands in the line above the nodes, or across the box where that line is too thin.
      context.font = `${depth === 0 ? 600 : 400} ${Math.max(10, Math.min(13, scale * 0.8))}px system-ui, sans-serif`;
      this.eachBox(depth, (d, x, y, width, height) => {
        if (width < 44 || height < 24) return;
        const name = level.names[d];
        const text = width > 120 ? `${level.name} ${name}: ${this.freeText(level, d)}` : name;
        const fits = Math.floor(width / 6.2);
        if (name.length > fits && fits < 4) return;
        const baseline = y + (scale > 20 ? scale * this.layout.heads[depth] - 9 : Math.max(scale / 2, 6));
        if (scale < 11) {
          const shown = Math.min(width - 2, context.measureText(text).width + 6);
          context.fillStyle = colours.ground;
          context.fillRect(x, baseline - 7, shown, 14);
        }
        context.fillStyle = depth === 0 ? colours.text : colours.quiet;
        context.fillText(text, x + 2, baseline, width - 4);
      });
    });
  }

  freeText(level, d) {
    const { nodes, kinds: numbers } = this.model.counts(level.starts[d], level.starts[d + 1]);
    return `${numbers[free]} of ${nodes} free`;
  }

  outline(node, colour, width) {
    if (node < 0 || node >= this.model.count) return;
    const size = Math.max(6, this.scale);
    const x = this.left + (this.layout.x[node] + 0.5) * this.scale - size / 2;
    const y = this.top + (this.layout.y[node] + 0.5) * this.scale - size / 2;
    this.context.strokeStyle = colour;
    this.context.lineWidth = width;
    this.context.strokeRect(x - width / 2, y - width / 2, size + width - 1, size + width - 1);
    this.context.lineWidth = 1;
  }

  // From the selected node on: the next that is neither free nor busy.
  nextWrong() {
    const { count, kinds: all } = this.model;
    for (let step = 1; step <= count; step++) {
      const node = (Math.max(0, this.selected) + step) % count;
      if (all[node] !== free && all[node] !== busy) return node;
    }
    return this.selected;
  }
}
