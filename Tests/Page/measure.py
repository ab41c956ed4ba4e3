"""How fast the page is with many nodes, as a Markdown table: first paint, the map's first picture, script time a frame.

    .venv-page/bin/python Tests/Page/measure.py 62500            a drawn fleet: its map is answered in the controller's place
    .venv-page/bin/python Tests/Page/measure.py 62500 --simulate a real controller over a pretend fleet that lives, and the
                                                                 page of one of its jobs (MUSTER_BIN, a release build)

The drawn fleet has 18 nodes of 4 GPUs a rack and 16 racks a block; three of four nodes are busy with gangs of 1 to 64, one of
a hundred is out of service. The pretend one has 20 nodes of 8 GPUs a rack. Frames are timed by the page itself: from the start
of a frame's script to its end.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import tempfile
import urllib.request

import browser
from browser import MUSTER
from fleet import Program
from test_page import Empty
from waiting import eventually

DRAWN = "document.querySelector('canvas')?.frames.length > 0 && document.querySelector('.legend li') !== null"

PAN = """async () => {
  const canvas = document.querySelector("canvas");
  const frame = () => new Promise(requestAnimationFrame);
  const map = (type, init) => canvas.dispatchEvent(new PointerEvent(type, { bubbles: true, pointerId: 1, ...init }));
  const hold = canvas.setPointerCapture;
  canvas.setPointerCapture = () => {};
  const { left, top, width, height } = canvas.getBoundingClientRect();
  const results = {};
  const drag = async (name) => {
    canvas.frames.length = 0;
    map("pointerdown", { clientX: left + width / 2, clientY: top + height / 2 });
    for (let i = 1; i <= 240; i++) {
      const angle = (i / 240) * 4 * Math.PI;
      const [dx, dy] = [250 * Math.sin(angle), 120 * Math.sin(2 * angle)];
      map("pointermove", { clientX: left + width / 2 + dx, clientY: top + height / 2 + dy });
      await frame();
    }
    map("pointerup", { clientX: 0, clientY: 0 });
    results[name] = [...canvas.frames];
  };
  const wheel = async (turns, deltaY) => {
    for (let i = 0; i < turns; i++) {
      const at = { clientX: left + width / 2, clientY: top + height / 2 };
      canvas.dispatchEvent(new WheelEvent("wheel", { deltaY, cancelable: true, ...at }));
      await frame();
    }
  };
  await drag("the whole fleet");
  await wheel(6, -100);
  await drag("2.5 times nearer");
  await wheel(8, -100);
  await drag("8 times nearer");
  await wheel(10, -100);
  await drag("36 times nearer");
  canvas.frames.length = 0;
  await wheel(40, 60);
  results["zooming out"] = [...canvas.frames];
  canvas.setPointerCapture = hold;
  return results;
}"""


def runs(values):
    out = []
    for value in values:
        if out and out[-2] == value:
            out[-1] += 1
        else:
            out += [value, 1]
    return out


def drawn_map(nodes, seed=1):
    dice = random.Random(seed)
    standings, placements, jobs, masks, job = [], [], [], [], 100
    while len(standings) < nodes:
        is_busy = dice.random() < 0.75
        size = min(dice.choice([1, 1, 2, 4, 8, 16, 32, 64]), nodes - len(standings))
        job += is_busy
        for _ in range(size):
            standings.append(dice.choice("sida") if dice.random() < 0.01 else "r")
            placements.append(1 if is_busy else 0)
            if is_busy:
                jobs.append(job)
                masks.append("f")
    racks = [min(18, nodes - start) for start in range(0, nodes, 18)]
    blocks = [sum(racks[i:i + 16]) for i in range(0, len(racks), 16)]
    return {
        "sequence": 1, "at": "2026-11-30T00:00:00Z", "nodes": nodes,
        "levels": [{"level": "block", "domains": [f"b{i}" for i in range(len(blocks))], "nodes": blocks},
                   {"level": "rack", "domains": [f"r{i}" for i in range(len(racks))], "nodes": racks}],
        "names": [["node-", 1, 0, nodes]], "standings": runs(standings), "devices": [4, nodes],
        "placements": runs(placements), "jobs": runs(jobs), "masks": runs(masks)}


def p95(times):
    return sorted(times)[int(len(times) * 0.95)]


def look(fleet, nodes, answer=None):
    eyes = browser.Browser()
    try:
        paints, pictures = [], []
        for _ in range(5):
            page = eyes.page(fleet)
            if answer:
                page.route("**/v1/map*", lambda route: route.fulfill(body=answer, content_type="application/json"))
            page.goto("/#/fleet")
            eventually("the map is drawn", lambda: page.evaluate(DRAWN), 60, every=0.01)
            paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"))
            pictures.append(page.evaluate("performance.now()"))
            if len(paints) < 5:
                page.context.close()
        print(f"| {nodes:,} nodes | n | p50 | p95 | worst |\n|---|---|---|---|---|")
        print(f"| first contentful paint | 5 | {statistics.median(paints):.0f} ms | | {max(paints):.0f} ms |")
        print(f"| the map is drawn | 5 | {statistics.median(pictures):.0f} ms | | {max(pictures):.0f} ms |")
        for name, times in page.evaluate(PAN).items():
            print(f"| script a frame, {name} | {len(times)} | {statistics.median(times):.2f} ms | {p95(times):.2f} ms | "
                  f"{max(times):.2f} ms |")
        if os.environ.get("PICTURE"):
            page.keyboard.press("Tab")
            page.locator("canvas").focus()
            page.keyboard.press("0")
            page.wait_for_timeout(500)
            page.screenshot(path=os.environ["PICTURE"])
    finally:
        eyes.close()


class Simulated:
    """`muster up --simulate` in a folder of its own, as `browser.Browser` asks for a fleet."""

    def __init__(self, nodes):
        self.folder = tempfile.mkdtemp(prefix="muster-page-")
        self.data = os.path.join(self.folder, "data")
        fleet = os.path.join(self.folder, "fleet.yaml")
        with open(fleet, "w") as file:
            file.write(f"nodes: {nodes}\nnodesPerRack: 20\ndevicesPerNode: 8\nfaults: llama3\n")
        self.program = Program(
            [MUSTER, "up", "--simulate", fleet, "--data", self.data, "--listen", "127.0.0.1:0", "--json"],
            os.path.join(self.folder, "up.log"))
        try:
            eventually("all have joined", lambda: "address" in self.program.log(), 300)
            self.address = json.loads(self.program.log().splitlines()[0])["address"]
            eventually("500 jobs run", lambda: self.get("/v1/cluster")["jobs"]["running"] >= 500, 300)
        except BaseException:
            self.stop()
            raise

    def get(self, path):
        request = urllib.request.Request(
            self.address + path, headers={"Authorization": "Bearer " + browser.token(self)})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())

    def stop(self):
        self.program.end()
        shutil.rmtree(self.folder, ignore_errors=True)


def look_at_job(fleet):
    """Until the job's goodput is drawn: from the start of the navigation, and from when the last answer that it needs had
    come."""
    job = max(fleet.get("/v1/jobs?state=running&limit=100")["jobs"], key=lambda job: job["nodeCount"])
    eyes = browser.Browser()
    try:
        times, after = [], []
        for _ in range(5):
            page = eyes.page(fleet)
            # The moment is the page's own: the frame after the heading came.
            page.add_init_script("""new MutationObserver((_, watcher) => {
              if (![...document.querySelectorAll("h2")].some((head) => head.textContent.startsWith("Goodput"))) return;
              watcher.disconnect();
              requestAnimationFrame(() => setTimeout(() => { globalThis.drawnAt = performance.now(); }));
            }).observe(document, { childList: true, subtree: true });""")
            page.goto(f"/#/job/{job['id']}")
            eventually("the job is drawn", lambda: page.evaluate("globalThis.drawnAt") is not None, 60, every=0.01)
            drawn, answered = page.evaluate("""[drawnAt, Math.max(...performance.getEntriesByType("resource")
              .filter((entry) => /\\/v1\\/jobs\\/\\d+(\\/report)?$/.test(entry.name)).map((entry) => entry.responseEnd))]""")
            times.append(drawn)
            after.append(drawn - answered)
            page.context.close()
        for name, found in (("is drawn", times), ("is drawn, after the server has answered", after)):
            print(f"| a job of {job['nodeCount']:,} nodes {name} | 5 | {statistics.median(found):.0f} ms | | {max(found):.0f} ms |")
    finally:
        eyes.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nodes", type=int)
    parser.add_argument("--simulate", action="store_true", help="a real controller over a pretend fleet")
    options = parser.parse_args()
    if browser.missing():
        raise SystemExit(browser.missing())
    fleet = Simulated(options.nodes) if options.simulate else Empty()
    try:
        if options.simulate:
            look(fleet, options.nodes)
            look_at_job(fleet)
        else:
            answer = json.dumps(drawn_map(options.nodes), separators=(",", ":"))
            print(f"The map's answer has {len(answer):,} bytes.\n")
            look(fleet, options.nodes, answer)
    finally:
        fleet.stop()


if __name__ == "__main__":
    main()
