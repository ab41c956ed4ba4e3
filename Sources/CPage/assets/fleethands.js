// How a map is moved and asked: wheel, pointers (one drags, two zoom) and keys.
import { nodesFrom } from "./fleetmap.js";

export function listenToHands(map) {
  const { canvas } = map;
  map.observer = new ResizeObserver(() => map.resize());
  map.observer.observe(canvas);
  map.scheme = matchMedia("(prefers-color-scheme: dark)");
  map.recolour = () => {
    map.readColours();
    if (map.model) map.show(map.model);
  };
  map.scheme.addEventListener("change", map.recolour);
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    map.zoom(Math.exp(-event.deltaY * 0.0015), event.offsetX, event.offsetY);
  }, { passive: false });
  canvas.addEventListener("dblclick", (event) => map.zoom(2, event.offsetX, event.offsetY));
  canvas.addEventListener("keydown", (event) => key(map, event));
  canvas.addEventListener("focus", () => map.hover(map.selected, map.point(map.selected)));
  canvas.addEventListener("blur", () => map.hover(-1, null));
  listenToPointers(map);
}

function listenToPointers(map) {
  const { canvas } = map;
  const pointers = new Map();
  let moved = 0;
  const spread = () => {
    const [a, b] = [...pointers.values()];
    return Math.hypot(a.x - b.x, a.y - b.y);
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    moved = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    const at = { x: event.offsetX, y: event.offsetY };
    const before = pointers.get(event.pointerId);
    if (!before) {
      passOver(map, at);
      return;
    }
    const old = pointers.size === 2 ? spread() : 0;
    pointers.set(event.pointerId, at);
    moved += Math.abs(at.x - before.x) + Math.abs(at.y - before.y);
    if (pointers.size === 2 && old > 0) map.zoom(spread() / old, at.x, at.y);
    else if (moved > 3) map.pan(at.x - before.x, at.y - before.y);
  });
  const end = (event) => {
    const isClick = pointers.delete(event.pointerId) && moved <= 3 && event.type === "pointerup";
    const node = isClick ? map.nodeAt(event.offsetX, event.offsetY) : -1;
    if (node < 0) return;
    // Where nodes are small the first click only says which it is.
    if (map.scale >= nodesFrom || node === map.selected) map.open(node);
    else map.select(node);
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  canvas.addEventListener("pointerleave", () => {
    map.under = -1;
    map.hover(map.selected, map.point(map.selected));
    map.request();
  });
}

function passOver(map, { x, y }) {
  const node = map.nodeAt(x, y);
  if (node === map.under) return;
  map.under = node;
  map.hover(node, node < 0 ? null : { x, y });
  map.request();
}

const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function key(map, event) {
  const step = steps[event.key];
  if (event.ctrlKey || event.metaKey || event.altKey || !map.model?.count) return;
  if (step && event.shiftKey) map.pan(-step[0] * 60, -step[1] * 60);
  else if (step) map.select(map.selected < 0 ? 0 : map.layout.beside(map.selected, ...step));
  else if (event.key === "Home") map.select(0);
  else if (event.key === "End") map.select(map.model.count - 1);
  else if (event.key === "Enter" && map.selected >= 0) map.open(map.selected);
  else if (event.key === "+" || event.key === "=") map.zoom(1.5, ...middle(map));
  else if (event.key === "-") map.zoom(1 / 1.5, ...middle(map));
  else if (event.key === "0") map.fit();
  else if (event.key === "n") map.select(map.nextWrong());
  else return;
  event.preventDefault();
}

function middle(map) {
  if (map.selected < 0) return [map.viewWidth / 2, map.viewHeight / 2];
  const { x, y } = map.point(map.selected);
  return [x, y];
}
