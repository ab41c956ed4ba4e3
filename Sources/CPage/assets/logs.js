// A rank's log that follows. It comes from its node on demand, in parts that say where the next begins: what broke off
// goes on where it was.
import { h } from "./dom.js";
import { Refused } from "./api.js";

// Letters kept in view: the newest.
const kept = 200_000;
const partsType = "application/vnd.muster.log-parts";

export function showLogs(section, view, job) {
  const [, , chosen = "0"] = view.parts;
  const rank = h("input", { type: "number", min: "0", max: String(job.worldSize - 1), value: chosen, id: "log-rank" });
  const attempt = h("select", { id: "log-attempt" });
  for (let number = job.attempt; number > 0; number--) {
    attempt.append(h("option", { value: number }, `attempt ${number}`));
  }
  const text = h("pre", { class: "log", tabindex: "0", "aria-label": "Log" });
  const standing = h("p", { role: "status" });
  section.append(h("h2", null, "Log"), h("form", null, h("label", { for: "log-rank" }, "Rank "), rank, " ",
    h("label", { for: "log-attempt", class: "hidden" }, "Attempt"), attempt), text, standing);
  let reading = new AbortController();
  const start = () => {
    reading.abort();
    reading = new AbortController();
    text.textContent = "";
    follow(job.id, rank.value, attempt.value, text, standing, AbortSignal.any([reading.signal, view.signal]));
  };
  section.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  rank.addEventListener("change", start);
  attempt.addEventListener("change", start);
  start();
  if (view.parts[1] === "rank") section.scrollIntoView();
}

async function follow(job, rank, attempt, text, standing, signal) {
  let offset = 0;
  const decoder = new TextDecoder();
  while (!signal.aborted) {
    try {
      const path = `/v1/jobs/${job}/logs?rank=${rank}&attempt=${attempt}&offset=${offset}&follow=1`;
      const answer = await fetch(path, { signal, headers: { Accept: partsType } });
      if (!answer.ok) {
        const error = new Refused(answer.status, (await answer.json().catch(() => null))?.error);
        standing.textContent = `${error.message}. ${error.remedy}`;
        if (answer.status < 500) return;
      } else {
        standing.textContent = "The newest lines; it follows.";
        for await (const part of parts(answer.body)) {
          offset = part.next;
          show(text, decoder.decode(part.bytes, { stream: true }));
        }
        standing.textContent = text.textContent ? "This is the end of this attempt's log." : "The log is empty.";
        return;
      }
    } catch (error) {
      if (signal.aborted) return;
      standing.textContent = "The log broke off; it goes on when its node answers.";
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

function show(element, text) {
  const isAtEnd = element.scrollTop + element.clientHeight >= element.scrollHeight - 4;
  element.textContent = (element.textContent + text).slice(-kept);
  if (isAtEnd) element.scrollTop = element.scrollHeight;
}

// Each part is a line NEXT LENGTH and so many bytes.
async function* parts(body) {
  const reader = body.getReader();
  let held = new Uint8Array(0);
  for (;;) {
    const end = held.indexOf(10);
    if (end >= 0) {
      const [next, length] = new TextDecoder().decode(held.subarray(0, end)).split(" ").map(Number);
      if (held.length >= end + 1 + length) {
        yield { next, bytes: held.slice(end + 1, end + 1 + length) };
        held = held.slice(end + 1 + length);
        continue;
      }
    }
    const { done, value } = await reader.read();
    if (done) return;
    const joined = new Uint8Array(held.length + value.length);
    joined.set(held);
    joined.set(value, held.length);
    held = joined;
  }
}
