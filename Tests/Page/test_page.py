"""The page, as a person uses it: a real controller, real ranks, a real browser."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

import browser
from browser import MUSTER, PHONE, Fleet, token
from waiting import eventually

if not browser.missing():
    from playwright.sync_api import expect


# Pixels of the map that are of no colour of the ground: how much is drawn.
DRAWN = """() => {
  const canvas = document.querySelector("canvas");
  const { width, height } = canvas;
  const data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  const colours = new Map();
  for (let i = 0; i < data.length; i += 4) {
    const colour = (data[i] << 16) | (data[i + 1] << 8) | data[i + 2];
    colours.set(colour, (colours.get(colour) ?? 0) + 1);
  }
  return [...colours].filter(([, count]) => count > 200).length;
}"""


@unittest.skipIf(browser.missing(), browser.missing())
class PageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fleet = Fleet(nodes=8, devices=8)
        cls.browser = browser.Browser()
        cls.addClassCleanup(cls.fleet.stop)
        cls.addClassCleanup(cls.browser.close)

    def page(self, place="", **options):
        page = self.browser.page(self.fleet, **options)
        self.addCleanup(page.context.close)
        page.goto("/#/" + place)
        return page

    def tearDown(self):
        for job in self.fleet.json("jobs"):
            if job["state"] not in ("completed", "failed", "cancelled", "timedOut"):
                self.fleet.muster("cancel", job["id"], check=False)  # it may have ended by now
                self.fleet.end(job["id"])
        self.fleet.ready_again()

    def test_a_wrong_token_is_refused_and_the_right_one_is_in_no_address(self):
        page = self.page("queue", signed_in=False)
        page.fill("#token", "wrong")
        page.click("text=Sign in")
        expect(page.locator("#refused")).to_be_visible()
        page.fill("#token", token(self.fleet))
        page.click("text=Sign in")
        expect(page.locator("h1")).to_have_text("Waiting: 0 jobs")
        self.assertIn("#/queue", page.url)
        secret = token(self.fleet)
        self.assertTrue(page.asked and not [url for url in page.asked if secret in url or "wrong" in url])
        self.assertFalse([url for url in page.asked if not url.startswith(self.fleet.address)], "it asks no other host")
        (cookie,) = page.context.cookies()
        self.assertEqual((cookie["httpOnly"], cookie["sameSite"], cookie["path"]), (True, "Strict", "/"))
        self.assertNotIn(secret, json.dumps(cookie))
        page.click("text=Sign out")
        expect(page.locator("#token")).to_be_visible()
        self.assertEqual(page.request.get("/v1/cluster").status, 401)

    def test_the_map_shows_what_is_free_busy_and_wrong(self):
        page = self.page("fleet")
        expect(page.locator(".legend")).to_contain_text("8 free")
        before = page.evaluate(DRAWN)
        job = self.fleet.submit(["sleep", "1000"], nodes=3, devices=8)
        self.fleet.muster("drain", "node-8", "--reason", "fan")
        expect(page.locator(".legend")).to_contain_text("3 busy")
        expect(page.locator(".legend")).to_contain_text("1 draining or drained")
        expect(page.get_by_label("The fleet in numbers")).to_contain_text("24 of 64")
        expect(page.get_by_label("The last 24 hours")).to_contain_text("was productive")
        eventually("more colours are drawn", lambda: page.evaluate(DRAWN) >= before + 2)
        expect(page.locator("table")).to_contain_text(f"job {job} attempt 1 runs")
        self.assertEqual(page.complaints, [])

    def test_the_map_is_used_by_keys_alone(self):
        page = self.page("fleet")
        expect(page.locator(".legend")).to_contain_text("8 free")
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        page.locator("canvas").focus()
        page.keyboard.press("Home")
        said = page.locator("#map-said")
        expect(said).to_contain_text("node-1 in default: free, 0 of 8 GPUs in use")
        page.keyboard.press("ArrowRight")
        expect(said).to_contain_text("node-2 in")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowUp")
        expect(said).to_contain_text("node-2 in")
        self.fleet.muster("drain", "node-5", "--reason", "fan")
        expect(page.locator(".legend")).to_contain_text("1 draining")
        page.keyboard.press("n")
        expect(said).to_contain_text("node-5 in default: draining or drained")
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_contain_text("Node node-5")
        expect(page.locator("main")).to_contain_text("muster resume node-5")
        page.keyboard.press("/")
        page.keyboard.type("node-1")
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_contain_text("Node node-1 ready")

    def test_the_list_says_what_the_map_shows(self):
        self.fleet.muster("drain", "node-2", "--reason", "fan")
        page = self.page("fleet/list")
        row = page.locator("tbody tr").first
        expect(row).to_contain_text("default")
        row.locator("a").click()
        rows = page.locator("tr[data-key^=node-]")
        expect(rows).to_have_count(8)
        expect(rows.nth(1)).to_contain_text("draining or drained")
        rows.first.locator("a").focus()
        page.keyboard.press("ArrowDown")
        expect(rows.nth(1).locator("a").first).to_be_focused()

    def test_the_queue_says_why_and_lets_go_when_it_starts(self):
        page = self.page("queue")
        expect(page.locator("main")).to_contain_text("muster submit job.yaml")
        first = self.fleet.submit(["sleep", "1000"], nodes=6, devices=8, walltime="1h")
        self.fleet.wait_state(first, "running")
        second = self.fleet.submit(["sleep", "1000"], nodes=4, devices=8)
        waiting = page.locator("[aria-label=Waiting]")
        row = waiting.locator(f'tr[data-key="{second}"]')
        reason = self.fleet.json("why", second)["causes"][0]["message"]
        expect(row).to_contain_text(reason)
        expect(row).to_contain_text("4 × 8")
        expect(row.locator("time")).to_have_text(re.compile(r"\d\d:\d\d"))
        expect(page.locator("[aria-label=Running]")).to_contain_text("running")
        self.fleet.muster("cancel", first)
        expect(row).to_have_count(0)
        expect(page.locator("h1")).to_have_text("Waiting: 0 jobs")

    def test_a_job_shows_steps_goodput_faults_with_evidence_and_a_log_that_follows(self):
        job = self.fleet.steps("--steps", 100_000, "--checkpoint-every", 5, nodes=2, devices=2)
        self.fleet.wait_step(job, 12)
        page = self.page(f"job/{job}")
        expect(page.locator("h1")).to_contain_text("running")
        expect(page.locator("[aria-label=Goodput] h2")).to_have_text(re.compile(r"Goodput \d+\.\d %"))
        expect(page.locator("[aria-label=Goodput]")).to_contain_text("productive")
        expect(page.locator("[aria-label=Ranks] tbody tr")).to_have_count(4)
        step = page.locator("[aria-label='The job'] dd").first
        seen = int(step.inner_text().replace(",", ""))
        eventually("the step goes on", lambda: int(step.inner_text().replace(",", "")) > seen)
        expect(page.locator(".log")).to_contain_text("attempt 1")
        self.fleet.muster("inject", "kill-rank", "--job", job, "--rank", 1)
        expect(page.locator(".timeline")).to_contain_text("attempt 2 placed, resuming after step")
        fault = page.locator(".timeline li.fault")
        expect(fault).to_contain_text("verdict")
        evidence = self.fleet.faults(job)[0]["evidence"][0]
        expect(fault.locator(".evidence")).to_contain_text(evidence)
        self.assertEqual(page.complaints, [])

    def test_projects_show_guarantee_and_use(self):
        policy = os.path.join(self.fleet.folder, "policy.yaml")
        with open(policy, "w") as file:
            file.write("projects:\n  - name: research\n    quotas: {any: {guaranteed: 16}}\n")
        self.fleet.muster("apply", "-f", policy)
        job = self.fleet.submit(["sleep", "1000"], nodes=1, devices=8, project="research")
        self.fleet.wait_state(job, "running")
        page = self.page("projects")
        row = page.locator("tbody tr", has_text="research")
        expect(row).to_contain_text("8 GPUs")
        expect(row).to_contain_text("50.0 %")
        expect(row).to_contain_text("GPU h")

    def test_a_project_shows_its_guarantee_its_jobs_and_why_they_wait(self):
        policy = os.path.join(self.fleet.folder, "policy.yaml")
        with open(policy, "w") as file:
            file.write("projects:\n  - name: lab\n  - name: research\n    parent: lab\n"
                       "    quotas: {any: {guaranteed: 16, borrowLimit: 8}}\n")
        self.fleet.muster("apply", "-f", policy)
        first = self.fleet.submit(["sleep", "1000"], nodes=3, devices=8, project="research", walltime="1h")
        self.fleet.wait_state(first, "running")
        second = self.fleet.submit(["sleep", "1000"], nodes=2, devices=8, project="research")
        other = self.fleet.submit(["sleep", "1000"], nodes=1, devices=8, project="else")
        self.fleet.wait_state(other, "running")
        page = self.page("projects")
        page.get_by_role("link", name="lab", exact=True).focus()
        page.keyboard.press("ArrowDown")
        expect(page.get_by_role("link", name="research", exact=True)).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("Project research")
        expect(page.locator("nav a[aria-current]")).to_have_text("Projects")
        project = page.get_by_label("The project")
        row = project.locator("tr[data-key=all]")
        for text in ("24 GPUs", "150.0 %"):
            expect(row).to_contain_text(text)
        # In use, guaranteed, at most, borrowed.
        for cell, text in enumerate(["all", "24 GPUs", "16", "24", "8"]):
            expect(row.locator("td").nth(cell)).to_have_text(text)
        running, waiting = page.get_by_label("Running"), page.get_by_label("Waiting")
        expect(running.locator("tbody tr")).to_have_count(1)
        # How busy its devices are: by this machine's own counters, where it has any.
        expect(running.locator(f'tr[data-key="{first}"] td').nth(5)).to_have_text(re.compile(r"^(–|\d+\.\d %)$"))
        expect(waiting.locator("tbody tr")).to_have_count(1)
        reason = self.fleet.json("why", second)["causes"][0]["message"]
        expect(waiting.locator(f'tr[data-key="{second}"]')).to_contain_text(reason)
        week = page.get_by_label("The last seven days")
        expect(week).to_contain_text("goodput: productive of what was held")
        expect(week.locator(".bar")).to_have_attribute("aria-label", re.compile("GPU h"))
        days = page.get_by_label("Day by day")
        expect(days.locator("tbody tr").last).to_contain_text("GPU h")
        if os.path.exists("/usr/share/javascript/chart.js/Chart.min.js"):
            expect(page.locator(".plot canvas")).to_be_visible()
            eventually("a curve is drawn", lambda: page.evaluate(DRAWN) >= 2)
        # It is live: the one ends, the other has its turn.
        self.fleet.muster("cancel", first)
        expect(running.locator(f'tr[data-key="{second}"]')).to_be_visible()
        expect(waiting).to_contain_text("None of its jobs waits")
        page.route("**/page/lib/*", lambda route: route.fulfill(status=404, json={}))
        page.reload()
        expect(days).to_contain_text("apt-get install libjs-chart.js")
        expect(days.locator("tbody tr").last).to_contain_text("GPU h")
        project.get_by_role("link", name="lab").click()
        expect(page.locator("h1")).to_have_text("Project lab")
        expect(project).to_contain_text("With its parts: research")
        self.assertEqual(page.complaints, [])

    def test_capacity_shows_places_and_the_ledger_as_the_api_tells_it(self):
        page = self.page("capacity")
        expect(page.locator("tr[data-key=free]")).to_contain_text("GPU h")
        page = self.browser.page(self.fleet)
        self.addCleanup(page.context.close)
        hour = 3_600_000
        day = {"key": "2026-11-30", "gpuMilliseconds": {"productive": 90 * hour, "redone": 10 * hour},
               "provisionalGpuMilliseconds": 0, "goodput": 0.9}
        ledger = {"by": "day", "from": "2026-11-30T00:00:00Z", "to": "2026-12-01T00:00:00Z",
                  "asOf": "2026-12-01T00:00:00Z", "capacityGpuMilliseconds": 200 * hour,
                  "accountedGpuMilliseconds": 100 * hour, "fleet": {**day, "key": None}, "rows": [day],
                  "restatements": [{"at": "2026-11-30T05:00:00Z", "job": 7, "attempt": 1, "from": "productive",
                                    "to": "redone", "workFrom": "2026-11-30T04:00:00Z",
                                    "workTo": "2026-11-30T05:00:00Z", "gpuMilliseconds": 10 * hour}]}
        page.route("**/v1/accounts*", lambda route: route.fulfill(json=ledger))
        page.goto("/#/capacity")
        expect(page.locator("[aria-label='Where the time went']")).to_contain_text("100 GPU h accounted of 200 GPU h")
        expect(page.locator("tr[data-key=redone]")).to_contain_text("10.0 %")
        expect(page.locator("main")).to_contain_text("Restated")
        expect(page.locator("tr[data-key=rack] td").nth(1)).to_have_text("8")
        if os.path.exists("/usr/share/javascript/chart.js/Chart.min.js"):
            expect(page.locator(".plot canvas")).to_be_visible()
            eventually("bars are drawn", lambda: page.evaluate(DRAWN) >= 3)
        page.route("**/page/lib/*", lambda route: route.fulfill(status=404, json={}))
        page.reload()
        expect(page.locator("main")).to_contain_text("apt-get install libjs-chart.js")
        expect(page.locator("tr[data-key=redone]")).to_contain_text("10.0 GPU h")

    def test_dark_where_the_person_likes_it_dark(self):
        grounds = [self.page("fleet", color_scheme=scheme).evaluate("getComputedStyle(document.body).backgroundColor")
                   for scheme in ("light", "dark")]
        light, dark = [sum(map(int, re.findall(r"\d+", ground)[:3])) for ground in grounds]
        self.assertGreater(light, 600)
        self.assertLess(dark, 150)

    def test_on_a_phone_nothing_is_wider_than_the_phone(self):
        job = self.fleet.steps("--steps", 100_000, nodes=2, devices=2)
        self.fleet.submit(["true"], nodes=8, devices=8)
        self.fleet.wait_step(job, 2)
        page = self.page("fleet", viewport=PHONE, has_touch=True)
        project = "project/" + self.fleet.job(job)["project"]
        for place in ["fleet", "fleet/list", "queue", f"job/{job}", "node/node-1", "projects", project, "capacity"]:
            page.goto("/#/" + place)
            page.wait_for_selector("canvas, table, dl")
            width = page.evaluate("document.documentElement.scrollWidth")
            self.assertLessEqual(width, PHONE["width"], place)

    def test_what_is_not_there_is_said(self):
        page = self.page("job/4711")
        expect(page.locator("main")).to_contain_text("job 4711 does not exist")
        page.goto("/#/node/nobody")
        expect(page.locator("main")).to_contain_text("nobody")
        page.goto("/#/node/100%")
        expect(page.locator("main")).to_contain_text("100%")
        page.goto("/#/project/no one")
        expect(page.locator("main")).to_contain_text("there is no project \"no one\"")
        page.goto("/#/nonsense")
        expect(page.locator("main")).to_contain_text("There is nothing at #/nonsense")


RECORDING = ("t_s,gpu_util_pct,power_mw,sm_clock_mhz,mem_used_bytes,processes,gpm_graphics_util,gpm_sm_util,"
             "gpm_any_tensor_util,gpm_dram_bw_util\n" + "".join(f"{i},0,75000,1980,0,0,0,0,0,0\n" for i in range(30)))
EFFICIENCY = """
thresholds: {source: a test, shortRun: 5s, idleFor: 10s, measuredShare: 0.1}
prices: [{date: 2026-01-01, currency: USD, source: a test, gpuHour: {H100: 4}}]
"""


@unittest.skipIf(browser.missing(), browser.missing())
class DevicesTest(unittest.TestCase):
    def test_idle_devices_are_drawn_and_what_to_do_is_said(self):
        folder = tempfile.mkdtemp(prefix="muster-page-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        files = {"recording.csv": RECORDING, "efficiency.yaml": EFFICIENCY}
        for name, text in files.items():
            with open(os.path.join(folder, name), "w") as file:
                file.write(text)
        fleet = Fleet(nodes=2, devices=4, extra=[
            "--device-type", "H100-SXM5-80GB", "--device-recording", os.path.join(folder, "recording.csv"),
            "--efficiency", os.path.join(folder, "efficiency.yaml")])
        self.addCleanup(fleet.stop)
        eyes = browser.Browser()
        self.addCleanup(eyes.close)
        job = fleet.submit(["sleep", "600"], nodes=2, devices=4, ranks=4)
        page = eyes.page(fleet)
        page.set_default_timeout(60_000)
        page.goto(f"/#/job/{job}")
        expect(page.locator("[aria-label=Devices] canvas[aria-label^=Devices]")).to_have_attribute(
            "aria-label", "Devices: 8 idle", timeout=60_000)
        expect(page.locator("[aria-label=Devices]")).to_contain_text("From recording")
        # The sixth cell of eight.
        page.locator("[aria-label=Devices] canvas[aria-label^=Devices]").hover(position={"x": 5.5 * 16, "y": 8})
        expect(page.locator("[aria-label=Devices] .keys")).to_have_text(
            re.compile(r"^rank 5, node node-[12], device 1: idle"))
        finding = page.locator("[aria-label=Waste] .findings > li")
        expect(finding.first).to_contain_text("8 GPUs", timeout=60_000)
        expect(finding.first.locator(".evidence li").first).not_to_be_empty()
        page.goto("/#/node/node-1")
        expect(page.locator("[aria-label=Devices] tbody tr")).to_have_count(4)
        expect(page.locator("[aria-label=Devices] tbody tr").first).to_contain_text("75 W")
        page.goto("/#/projects")
        row = page.locator("[aria-label=Waste] tbody tr")
        expect(row).to_contain_text("8 GPUs")
        expect(row).to_contain_text(re.compile(r"\d USD"))
        project = fleet.job(job)["project"]
        row.get_by_role("link", name=project, exact=True).click()
        expect(page.locator("h1")).to_contain_text(f"Project {project}")
        expect(page.get_by_label("Running").locator("td").nth(5)).to_have_text("0.0 %")
        finding = page.get_by_label("Waste").locator(".findings > li").first
        expect(finding).to_contain_text(re.compile(r"\d USD"))
        expect(finding.locator(".evidence li").first).not_to_be_empty()
        figure = page.get_by_label("The last seven days").locator(".figures div", has_text="MFU from counters")
        expect(figure.locator("strong")).to_have_text("0.0 %")
        self.assertEqual(page.complaints, [])


@unittest.skipIf(browser.missing(), browser.missing())
class RestartTest(unittest.TestCase):
    def test_a_controller_that_is_gone_is_said_and_its_return_needs_no_hand(self):
        fleet = Fleet(nodes=1)
        self.addCleanup(fleet.stop)
        eyes = browser.Browser()
        self.addCleanup(eyes.close)
        page = eyes.page(fleet)
        page.goto("/#/fleet")
        expect(page.locator(".legend")).to_contain_text("1 free")
        expect(page.locator("#standing")).to_have_text("live")
        os.kill(fleet.process.pid, signal.SIGKILL)
        fleet.process.wait()
        fleet.log.close()
        expect(page.locator("#banner")).to_contain_text("The controller does not answer since")
        expect(page.locator(".legend")).to_contain_text("1 free")
        fleet.nodes = 2
        fleet.start()
        expect(page.locator("#banner")).to_be_hidden()
        expect(page.locator("#standing")).to_have_text("live")
        expect(page.locator(".legend")).to_contain_text("2 free")


@unittest.skipIf(browser.missing(), browser.missing())
class EmptyTest(unittest.TestCase):
    def test_with_no_node_and_no_job_the_next_command_is_named(self):
        fleet = Empty()
        self.addCleanup(fleet.stop)
        eyes = browser.Browser()
        self.addCleanup(eyes.close)
        page = eyes.page(fleet)
        for place, command in [("fleet", "muster up --nodes"), ("queue", "muster submit"), ("capacity", "muster up"),
                               ("projects", "muster apply -f"), ("fleet/list", "muster token create")]:
            page.goto("/#/" + place)
            expect(page.locator("main")).to_contain_text(command)


class Empty(Fleet):
    """A controller that no node joins."""

    def start(self):
        self.nodes = 0
        self.log = open(os.path.join(self.folder, "up.log"), "a")
        command = [MUSTER, "server", "--listen", "127.0.0.1:0", "--data", self.data]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, start_new_session=True)
        eventually("the controller answers", self.all_connected, 30)
        with open(os.path.join(self.data, "address")) as file:
            self.address = file.read().strip()


if __name__ == "__main__":
    unittest.main()
