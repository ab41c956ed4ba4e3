// Numbers, durations and times as people read them; the unit is always said.
import { now } from "./api.js";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

export const none = "–";

export function count(number, one, many = one + "s") {
  if (number === null || number === undefined) return none;
  return whole.format(number) + (one ? ` ${number === 1 ? one : many}` : "");
}

export function percent(share) {
  return share === null || share === undefined ? none : `${(share * 100).toFixed(1)} %`;
}

// 0.19 s, 42 s, 5 min 03 s, 7 h 12 min, 3 d 4 h.
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return none;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${short.format(seconds)} s`;
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${pad(s % 60)} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${pad(Math.floor(s / 60) % 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
}

const pad = (number) => String(number).padStart(2, "0");

// The time of day alone where the day is today's.
export function moment(text) {
  if (!text) return none;
  const today = new Date(now()).toISOString().slice(0, 10);
  return text.startsWith(today) ? text.slice(11, 19) : `${text.slice(0, 10)} ${text.slice(11, 16)}`;
}

export function since(text) {
  return text ? duration(Math.max(0, (now() - Date.parse(text)) / 1000)) : none;
}

export function bytes(number) {
  if (!number) return none;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(4, Math.floor(Math.log2(number) / 10));
  return `${short.format(number / 2 ** (10 * power))} ${units[power]}`;
}

// GPU-milliseconds as GPU hours.
export function gpuHours(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return none;
  const hours = milliseconds / 3.6e6;
  return `${hours < 100 ? hours.toFixed(hours < 1 ? 3 : 1) : whole.format(hours)} GPU h`;
}

// timedOut: timed out.
export function words(name) {
  return name.replace(/[A-Z]/g, (letter) => " " + letter.toLowerCase());
}
