"""How fast the page is with many nodes, as a Markdown table: first paint, the map's first picture, script time a frame.

    .venv-page/bin/python Tests/Page/measure.py 62500          a drawn fleet: its map is answered in the controller's place
    .venv-page/bin/python Tests/Page/measure.py --pretend 5000 pretend agents on a real controller (MUSTER_BIN, a
                                                               release build: a debug one does not keep up with so many)

The drawn fleet has 18 nodes of 4 GPUs a rack and 16 racks a block; three of four nodes are busy with gangs of 1 to 64, one of
a hundred is out of service. Frames are timed by the page itself: from the start of a frame's script to its end.
"""

import json
import os
import random
import statistics
import sys
import time

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


def pretend(fleet, nodes, started):
    with open(os.path.join(fleet.data, "node-token")) as file:
        node_token = file.read().strip()
    agents = Program([MUSTER, "pretend", "--join", fleet.address.split("//")[1], "--token", node_token, "--nodes",
                      str(nodes), "--data", os.path.join(fleet.folder, "keys")], os.path.join(fleet.folder, "pretend.log"))
    started.append(agents)
    eventually("all are connected", lambda: "connected" in agents.log(), 300)
    eventually("all are ready", lambda: fleet.request("GET", "/v1/cluster")[1]["nodes"]["ready"] == nodes, 120)
    jobs = [{"name": "gang", "gang": {"nodes": 4, "devicesPerNode": 8}, "command": ["x"], "workingDirectory": "/"}]
    for _ in range(nodes // 8 // 50):
        fleet.request("POST", "/v1/jobs", jobs * 50)
    time.sleep(10)
    times, size = [], 0
    for i in range(20):
        time.sleep(1.1)  # an answer serves for a second
        begin = time.monotonic()
        status, answer = fleet.request("GET", "/v1/map")
        times.append((time.monotonic() - begin) * 1000)
        size = len(json.dumps(answer, separators=(",", ":")))
        assert status == 200 and answer["nodes"] == nodes
    print(f"| GET /v1/map, {nodes:,} pretend nodes, {size:,} bytes | 20 | {statistics.median(times):.1f} ms | "
          f"{p95(times):.1f} ms | {max(times):.1f} ms |")


def main():
    if browser.missing():
        raise SystemExit(browser.missing())
    words = sys.argv[1:]
    fleet = Empty()
    agents = []
    try:
        if words[0] == "--pretend":
            pretend(fleet, int(words[1]), agents)
            look(fleet, int(words[1]))
        else:
            answer = json.dumps(drawn_map(int(words[0])), separators=(",", ":"))
            print(f"The map's answer has {len(answer):,} bytes.\n")
            look(fleet, int(words[0]), answer)
    finally:
        for program in agents:
            program.end()
        fleet.stop()


if __name__ == "__main__":
    main()
