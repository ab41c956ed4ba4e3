// What the page asks the controller, and what it hears without asking.

export class Refused extends Error {
  constructor(status, error) {
    super(error?.message ?? `the controller answered ${status}`);
    this.status = status;
    this.code = error?.code ?? "";
    this.remedy = error?.remedy ?? "";
  }
}

// What time it is for the controller: of a pretend fleet it runs ahead, and a browser's clock may be wrong. Each answer says
// it; until the first one the browser's holds.
const clock = { told: Date.now(), at: performance.now() };

export const now = () => clock.told + performance.now() - clock.at;

function hearTime(answer) {
  const told = Date.parse(answer.headers.get("Muster-Time") ?? answer.headers.get("Date") ?? "");
  if (!Number.isNaN(told)) [clock.told, clock.at] = [told, performance.now()];
}

// Throws Refused for an answer that is an error, a TypeError where there is no answer.
export async function get(path, signal) {
  const answer = await fetch(path, { signal, headers: { Accept: "application/json" } });
  hearTime(answer);
  if (answer.status === 401) signIn();
  if (!answer.ok) throw new Refused(answer.status, (await answer.json().catch(() => null))?.error);
  return answer.json();
}

// The session is over: the same address now answers with the login, and keeps the place.
function signIn() {
  location.reload();
}

// All pages of a list, up to a limit that a person could still read.
export async function all(path, name, limit, signal) {
  const list = [];
  let next = null;
  do {
    const joint = path.includes("?") ? "&" : "?";
    const page = await get(next === null ? path : `${path}${joint}after=${encodeURIComponent(next)}`, signal);
    list.push(...page[name]);
    next = page.next;
  } while (next !== null && list.length < limit);
  return { list, more: next !== null };
}

// Stored events, the newest facts of the journal: [{sequence, at, kind, text, job, node, ...}].
export async function history(count, signal) {
  const cluster = await get("/v1/cluster", signal);
  const answer = await fetch(`/v1/events?follow=0&after=${Math.max(0, cluster.sequence - count)}`, { signal });
  if (!answer.ok) throw new Refused(answer.status, null);
  const events = [];
  for (const block of (await answer.text()).split("\n\n")) {
    const event = parse(block);
    if (event) events.push(event);
  }
  return events;
}

function parse(block) {
  let kind = "", data = "";
  for (const line of block.split("\n")) {
    if (line.startsWith("event: ")) kind = line.slice(7);
    if (line.startsWith("data: ")) data += line.slice(6);
  }
  return data ? { kind, ...JSON.parse(data) } : null;
}

// The event stream. `state` is live, gone or resting (nobody looks at the page); `hear` is called with each event, and
// with null when the state has to be read again.
export const live = {
  state: "connecting",
  goneSince: null,
  sequence: 0,
  listeners: new Set(),
  watchers: new Set(),
  run,
};

// The controller says that it lives every 15 s.
const silence = 40_000;
const retry = 1_000;

function become(state) {
  if (state === "gone" && live.state !== "gone") live.goneSince = new Date();
  live.state = state;
  for (const watcher of live.watchers) watcher(state);
}

function tell(event) {
  if (event?.sequence) live.sequence = Math.max(live.sequence, event.sequence);
  for (const listener of live.listeners) listener(event);
}

async function run() {
  for (;;) {
    if (document.hidden) {
      // A browser has six connections a host: a tab that nobody looks at leaves its own to others.
      become("resting");
      await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
      continue;
    }
    try {
      await listen();
    } catch (error) {
      if (!(error instanceof Rest)) become("gone");
    }
    if (!document.hidden) await new Promise((resolve) => setTimeout(resolve, retry));
  }
}

class Rest extends Error {}

async function listen() {
  const ending = new AbortController();
  const hide = () => document.hidden && ending.abort(new Rest());
  document.addEventListener("visibilitychange", hide);
  let timer;
  const hearten = () => {
    clearTimeout(timer);
    timer = setTimeout(() => ending.abort(new Error("silence")), silence);
  };
  try {
    hearten();
    const answer = await fetch("/v1/events", { signal: ending.signal });
    if (answer.status === 401) signIn();
    if (!answer.ok) throw new Refused(answer.status, null);
    let text = "";
    for await (const part of chunks(answer.body)) {
      hearten();
      if (live.state !== "live") {
        // Only now is it sure that nothing between here and now is missed.
        become("live");
        tell(null);
      }
      text += part;
      const blocks = text.split("\n\n");
      text = blocks.pop();
      for (const event of blocks.map(parse)) if (event) tell(event.kind === "resync" ? null : event);
    }
    throw new Error("the stream ended");
  } finally {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", hide);
  }
}

async function* chunks(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
