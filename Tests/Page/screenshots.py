"""The pictures in docs/images, from a real run: a training gang that lost a rank, jobs that wait, a node that was drained. Its
devices play a recording of a loop that waits for its data.

    make screenshots        (or: .venv-page/bin/python Tests/Page/screenshots.py FOLDER)
"""

import os
import shutil
import sys
import tempfile

import browser
from browser import Fleet

SIZE = {"width": 1200, "height": 760}
POLICY = """
topology:
  levels: [block, rack]
  places:
    - {domains: [b1, r1], nodes: "node-[1-6]"}
    - {domains: [b1, r2], nodes: "node-[7-12]"}
    - {domains: [b2, r3], nodes: "node-[13-18]"}
    - {domains: [b2, r4], nodes: "node-[19-24]"}
projects:
  - name: research
    quotas: {any: {guaranteed: 96, borrowLimit: 32}}
  - name: product
    quotas: {any: {guaranteed: 64}}
"""

# Half a second of matrices, then a second and a half of nothing; a second's means.
LOADS = ["61,420000,1800,41875931136,1,61.0,52.0,31.0,22.0", "4,150000,1965,41875931136,1,4.0,3.0,2.0,1.0"]
RECORDING = ("t_s,gpu_util_pct,power_mw,sm_clock_mhz,mem_used_bytes,processes,gpm_graphics_util,gpm_sm_util,"
             "gpm_any_tensor_util,gpm_dram_bw_util\n" + "".join(f"{i},{LOADS[i % 2]}\n" for i in range(60)))
# So that a run of a minute is told about.
EFFICIENCY = """
thresholds: {source: for pictures of a short run, shortRun: 5s, idleFor: 20s, measuredShare: 0.1}
prices: [{date: 2026-01-01, currency: USD, source: a picture's, gpuHour: {H100: 4}}]
"""


def files(folder):
    """What the fleet is started with."""
    recording, efficiency = os.path.join(folder, "recording.csv"), os.path.join(folder, "efficiency.yaml")
    for path, text in ((recording, RECORDING), (efficiency, EFFICIENCY)):
        with open(path, "w") as file:
            file.write(text)
    return ["--device-type", "H100-SXM5-80GB", "--device-recording", recording, "--efficiency", efficiency]


def prepare(fleet):
    """A fleet in use; answers the number of the job that is looked at."""
    path = os.path.join(fleet.folder, "policy.yaml")
    with open(path, "w") as file:
        file.write(POLICY)
    fleet.muster("apply", "-f", path)
    job = fleet.steps("--steps", 100_000, "--checkpoint-every", 20, nodes=6, devices=8, ranks=1, project="research",
                      name="pretrain", walltime="12h", model={"parameters": "1.4B", "tokensPerStep": "100k"})
    others = [fleet.submit(["sleep", "1000"], nodes=nodes, devices=devices, ranks=1, project=project, name=name,
                           walltime=walltime)
              for nodes, devices, project, name, walltime in [
                  (4, 8, "product", "finetune", "4h"), (1, 4, "research", "notebook", "8h"),
                  (1, 3, "product", "probe", "2h"), (2, 8, "research", "ablation", "6h")]]
    fleet.wait_step(job, 45)
    for other in others:
        fleet.wait_state(other, "running")
    fleet.muster("inject", "kill-rank", "--job", job, "--rank", 3)
    fleet.wait_state(job, "running")
    fleet.wait_step(job, 70)
    fleet.muster("drain", "node-24", "--reason", "fan 3 is slow")
    fleet.muster("maintenance", "add", "--nodes", "node-[22-23]", "--for", "2h", "--reason", "firmware")
    for nodes, name, project in [(12, "sweep", "research"), (16, "large", "product"), (2, "eval", "research")]:
        fleet.submit(["sleep", "1000"], nodes=nodes, devices=8, ranks=1, project=project, name=name, walltime="3h")
    return job


def main():
    if browser.missing():
        raise SystemExit(browser.missing())
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    made = tempfile.mkdtemp(prefix="muster-pictures-")
    fleet = Fleet(nodes=24, devices=8, extra=files(made))
    eyes = browser.Browser()
    try:
        job = prepare(fleet)
        page = eyes.page(fleet, viewport=SIZE)

        def take(name, place, wait, whole=False):
            page.goto("/#/" + place)
            page.wait_for_selector(wait)
            page.locator("#standing", has_text="live").wait_for()
            # One more look of the page at the controller.
            page.wait_for_timeout(1500)
            page.screenshot(path=os.path.join(folder, name + ".png"), full_page=whole)

        take("fleet", "fleet", ".legend li")
        take("queue", "queue", "tbody tr")
        page.wait_for_timeout(150_000)
        take("job", f"job/{job}", ".plot canvas", whole=True)
        take("node", "node/node-1", "[aria-label=Devices] tbody tr", whole=True)
        take("projects", "projects", "[aria-label=Waste] tbody tr", whole=True)
        take("project", "project/research", "[aria-label=Waste] tbody tr", whole=True)
        take("capacity", "capacity", ".plot canvas")
        page = eyes.page(fleet, viewport=SIZE, color_scheme="dark")
        take("fleet-dark", "fleet", ".legend li")
    finally:
        eyes.close()
        fleet.stop()
        shutil.rmtree(made, ignore_errors=True)


if __name__ == "__main__":
    main()
