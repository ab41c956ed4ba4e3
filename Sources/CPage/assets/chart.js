// Plots by Chart.js, where the system has it: libjs-chart.js of Debian, served by the controller. Without it there are
// numbers, and a line that says what is missing.
import { h } from "./dom.js";

let library;

// The library, or null where it is not installed.
export function chartLibrary() {
  library ??= new Promise((resolve) => {
    const script = h("script", { src: "/page/lib/Chart.min.js" });
    script.addEventListener("load", () => resolve(globalThis.Chart));
    script.addEventListener("error", () => resolve(null));
    document.head.append(script);
  });
  return library;
}

export function missing() {
  return h("p", null, "For plots the controller's machine lacks a package: ",
    h("code", null, "apt-get install libjs-chart.js"), ". Here are the numbers.");
}

// Bars of parts, one a label. `series`: [{name, colour, values}]; a plot that is there is changed in place.
export function stackedBars(Chart, canvas, { labels, series, unit }) {
  const style = getComputedStyle(canvas);
  const [text, line] = [style.getPropertyValue("--text"), style.getPropertyValue("--line")];
  const datasets = series.map(({ name, colour, values }) => ({
    label: name, data: values, backgroundColor: colour, borderColor: style.getPropertyValue("--panel"), borderWidth: 1,
    maxBarThickness: 64,
  }));
  const shown = Chart.getChart(canvas);
  if (shown) {
    shown.data.labels = labels;
    shown.data.datasets = datasets;
    shown.update("none");
    return;
  }
  const axis = { stacked: true, ticks: { color: text }, grid: { color: line } };
  new Chart(canvas, {
    type: "bar",
    data: { labels, datasets },
    options: {
      animation: false, maintainAspectRatio: false,
      scales: { x: axis, y: { ...axis, title: { display: true, text: unit, color: text } } },
      plugins: { legend: { labels: { color: text, boxWidth: 12 } } },
    },
  });
}

// Curves over time, in place as above; a value that is null is a gap. Few values want their points to be seen.
export function lines(Chart, canvas, { labels, series, unit, hasPoints = false }) {
  const style = getComputedStyle(canvas);
  const [text, line] = [style.getPropertyValue("--text"), style.getPropertyValue("--line")];
  const datasets = series.map(({ name, colour, values }) => ({
    label: name, data: values, borderColor: colour, backgroundColor: colour, borderWidth: 1.5,
    pointRadius: hasPoints ? 3 : 0,
  }));
  const shown = Chart.getChart(canvas);
  if (shown) {
    shown.data.labels = labels;
    shown.data.datasets = datasets;
    shown.update("none");
    return;
  }
  const axis = { ticks: { color: text, maxTicksLimit: 8 }, grid: { color: line } };
  new Chart(canvas, {
    type: "line",
    data: { labels, datasets },
    options: {
      animation: false, maintainAspectRatio: false,
      scales: { x: axis, y: { ...axis, min: 0, title: { display: true, text: unit, color: text } } },
      plugins: { legend: { labels: { color: text, boxWidth: 12 } } },
    },
  });
}
