"""Metrics as Prometheus sees them: promtool reads what is exported and what is deployed, and a real server scrapes it."""

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.parse
import urllib.request

from fleet import MUSTER, ROOT, Fleet, Program, eventually

DEPLOYED = os.path.join(ROOT, "deploy", "prometheus")
HAS_PROMETHEUS = bool(shutil.which("prometheus") and shutil.which("promtool"))
WITHOUT = "no prometheus and promtool here: scripts/install-packages prometheus"


def read(path):
    with open(path) as file:
        return file.read()


def get(url, token=None, accept=None):
    request = urllib.request.Request(url)
    if token:
        request.add_header("Authorization", "Bearer " + token)
    if accept:
        request.add_header("Accept", accept)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read().decode()


@unittest.skipUnless(HAS_PROMETHEUS, WITHOUT)
class Deployed(unittest.TestCase):
    def promtool(self, *arguments, stdin=None):
        done = subprocess.run(["promtool", *arguments], input=stdin, capture_output=True, text=True, timeout=60, cwd=DEPLOYED)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_rules(self):
        """The rules are right, each alert is tried, and each is in the guide."""
        self.promtool("check", "rules", "muster.rules.yaml")
        self.promtool("test", "rules", "muster.rules.test.yaml")
        alerts = re.findall(r"alert: (\w+)", read(os.path.join(DEPLOYED, "muster.rules.yaml")))
        tried = re.findall(r"alertname: (\w+)", read(os.path.join(DEPLOYED, "muster.rules.test.yaml")))
        self.assertGreater(len(alerts), 10)
        self.assertEqual(set(alerts), set(tried))
        guide = read(os.path.join(ROOT, "docs", "metrics.md"))
        self.assertEqual(alerts, re.findall(r"\| `(Muster\w+)` \|", guide))
        for name in re.findall(r"record: (\S+)", read(os.path.join(DEPLOYED, "muster.rules.yaml"))):
            self.assertIn(f"`{name}`", guide)

    def test_names_in_rules(self):
        """A rule about a metric that nobody exports would never fire, and nobody would notice."""
        rules = read(os.path.join(DEPLOYED, "muster.rules.yaml"))
        used = set(re.findall(r"(?<![\w:])muster_\w+", rules))
        known = set(re.findall(r"\| `(muster_\w+)` \|", read(os.path.join(ROOT, "docs", "metrics.md"))))
        self.assertGreater(len(used), 10)
        self.assertEqual({re.sub("_bucket$", "", name) for name in used} - known, set())


class Exported(unittest.TestCase):
    """`muster up` with the nodes' metrics."""

    @classmethod
    def setUpClass(cls):
        cls.fleet = Fleet(nodes=2, extra=["--metrics-port", "0"])
        cls.token = read(os.path.join(cls.fleet.data, "metrics-token")).strip()
        cls.node = os.path.join(cls.fleet.data, "nodes", "node-1")
        eventually("the node serves metrics", lambda: os.path.exists(os.path.join(cls.node, "metrics-address")))
        cls.node_url = f"http://{read(os.path.join(cls.node, 'metrics-address')).strip()}/metrics"
        cls.node_token = read(os.path.join(cls.node, "metrics-token")).strip()

    @classmethod
    def tearDownClass(cls):
        cls.fleet.stop()

    def test_tokens(self):
        """Both want their own token, and each opens only its own door."""
        url = self.fleet.address + "/metrics"
        self.assertEqual(get(url)[0], 401)
        self.assertEqual(get(url, self.node_token)[0], 401)
        self.assertEqual(get(url, self.token)[0], 200)
        self.assertEqual(get(self.fleet.address + "/v1/jobs", self.token)[0], 401)
        self.assertEqual(get(self.node_url)[0], 401)
        self.assertEqual(get(self.node_url, self.token)[0], 401)
        self.assertEqual(get(self.node_url, self.node_token)[0], 200)
        for path in (os.path.join(self.fleet.data, "metrics-token"), os.path.join(self.node, "metrics-token")):
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)

    @unittest.skipUnless(HAS_PROMETHEUS, WITHOUT)
    def test_promtool(self):
        """promtool finds nothing to say about either."""
        for url, token in ((self.fleet.address + "/metrics", self.token), (self.node_url, self.node_token)):
            _, kind, text = get(url, token)
            self.assertEqual(kind, "text/plain; version=0.0.4; charset=utf-8")
            done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_a_job_is_seen(self):
        """Ranks, members and devices of a job that runs are counted on both sides; so is its end."""
        job = self.fleet.steps("--steps", 2000, "--step-seconds", 0.05, nodes=2, devices=3, ranks=2)
        self.fleet.wait_step(job, 1)

        def sides():
            return get(self.fleet.address + "/metrics", self.token)[2], get(self.node_url, self.node_token)[2]

        def running():
            controller, node = sides()
            return ('muster_jobs{state="running"} 1\n' in controller and 'muster_devices{state="busy"} 6\n' in controller
                    and "muster_agent_ranks 2\n" in node and 'muster_agent_members{state="alive"} 1\n' in node)

        eventually("the job runs by the figures", running)
        lease = eventually("the lease is known", lambda: re.search(r"^muster_agent_lease_seconds (\S+)$", sides()[1], re.M))
        self.assertTrue(0 < float(lease[1]) <= 30, lease[0])
        self.fleet.muster("cancel", job)
        self.fleet.end(job)

        def over():
            controller, node = sides()
            return ('muster_jobs_ended_total{state="cancelled"} 1\n' in controller
                    and 'muster_devices{state="busy"} 0\n' in controller and "muster_agent_ranks 0\n" in node)

        eventually("the job has ended by the figures", over)


@unittest.skipUnless(HAS_PROMETHEUS, WITHOUT)
class Scraped(unittest.TestCase):
    """A controller with TLS, an agent that joined it, and a Prometheus with the configuration that is deployed."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="muster-prometheus-")
        self.data = os.path.join(self.folder, "controller")
        self.programs = []
        self.start([MUSTER, "server", "--tls", "--listen", "127.0.0.1:0", "--data", self.data])
        eventually("the controller answers", lambda: self.muster("nodes").returncode == 0)
        self.address = read(os.path.join(self.data, "address")).strip()
        token = self.muster("token", "create", "--expires", "5m").stdout.splitlines()[-1]
        with open(os.path.join(self.folder, "agent-token"), "w") as file:
            file.write("a token that no agent made\n".replace(" ", "-"))
        self.node = os.path.join(self.folder, "node-a")
        self.start([MUSTER, "agent", "--join", self.address, "--token", token, "--name", "node-a", "--devices", "2", "--data",
                    self.node, "--metrics-listen", "127.0.0.1:0", "--metrics-token-file", os.path.join(self.folder, "agent-token")])
        eventually("the agent serves metrics", lambda: os.path.exists(os.path.join(self.node, "metrics-address")), 30)

    def tearDown(self):
        for program in reversed(self.programs):
            program.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, command):
        program = Program(command, os.path.join(self.folder, f"log-{len(self.programs)}"))
        self.programs.append(program)
        return program

    def muster(self, *arguments):
        env = {key: value for key, value in os.environ.items() if not key.startswith("MUSTER_")}
        env["MUSTER_DATA"] = self.data
        return subprocess.run([MUSTER, *arguments], env=env, capture_output=True, text=True, timeout=60)

    def configure(self):
        """The deployed files, with what is other here."""
        text = read(os.path.join(DEPLOYED, "prometheus.yml"))
        for deployed, here in (
                ("/etc/prometheus/muster/ca.pem", os.path.join(self.data, "ca.pem")),
                ("/etc/prometheus/muster/metrics-token", os.path.join(self.data, "metrics-token")),
                ("/etc/prometheus/muster/agent-metrics-token", os.path.join(self.folder, "agent-token")),
                ('"head:7070"', json.dumps(self.address.removeprefix("https://"))),
                ('"10.0.0.11:7071", "10.0.0.12:7071"', json.dumps(read(os.path.join(self.node, "metrics-address")).strip())),
                ("scrape_interval: 15s", "scrape_interval: 1s\n  evaluation_interval: 1s")):
            self.assertIn(deployed, text)
            text = text.replace(deployed, here)
        path = os.path.join(self.folder, "prometheus.yml")
        with open(path, "w") as file:
            file.write(text)
        shutil.copy(os.path.join(DEPLOYED, "muster.rules.yaml"), self.folder)
        done = subprocess.run(["promtool", "check", "config", path], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return path

    def prometheus(self, config):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        return self.start(["prometheus", "--config.file", config, "--storage.tsdb.path", os.path.join(self.folder, "tsdb"),
                           "--web.listen-address", f"127.0.0.1:{self.port}"])

    def ask(self, path, **parameters):
        """What Prometheus answers; None while it does not."""
        try:
            status, _, text = get(f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
        except OSError:
            return None
        return json.loads(text)["data"] if status == 200 else None

    def value(self, query):
        found = (self.ask("query", query=query) or {}).get("result", [])
        return float(found[0]["value"][1]) if found else None

    def test_scraped(self):
        """Both targets are up, the series are there with their units, and the rules are evaluated."""
        log = self.prometheus(self.configure())

        def up():
            targets = (self.ask("targets") or {}).get("activeTargets", [])
            self.problems = [target["lastError"] for target in targets]
            return sorted(t["labels"]["job"] for t in targets if t["health"] == "up") == ["muster", "muster-agents"]

        eventually(lambda: f"both targets are up: {self.problems} {log.log()[-2000:]}", up, 60)
        eventually("the node's devices are counted", lambda: self.value('muster_devices{state="free"}') == 2, 30)
        eventually("the agent is connected", lambda: self.value("muster_agent_connected") == 1, 30)
        eventually("commits are counted", lambda: self.value("muster_commit_seconds_count") > 1, 30)
        eventually("rules are evaluated", lambda: self.value("instance:muster_devices:sum") == 2, 30)
        kinds = self.ask("metadata")
        self.assertEqual(kinds["muster_commit_seconds"][0]["type"], "histogram")
        self.assertEqual(kinds["muster_commit_seconds"][0]["unit"], "seconds", "OpenMetrics alone tells units")
        series = len(self.ask("series", **{"match[]": '{job="muster"}'}))
        self.assertLess(series, 300)
        rules = [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]
        self.assertEqual([rule.get("lastError", "") for rule in rules if rule.get("lastError")], [])


class Logged(unittest.TestCase):
    def test_json(self):
        """`--log-format json`: what is logged is one object a line."""
        folder = tempfile.mkdtemp(prefix="muster-log-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        data = os.path.join(folder, "data")
        server = Program([MUSTER, "server", "--listen", "127.0.0.1:0", "--data", data, "--log-format", "json"],
                         os.path.join(folder, "log"))
        self.addCleanup(server.end)
        eventually("the controller listens", lambda: os.path.exists(os.path.join(data, "address")))
        # A link of a version that nobody speaks is refused, and that is logged.
        link = urllib.request.Request(read(os.path.join(data, "address")).strip() + "/v1/link", data=b'{"v":99}\n')
        link.add_header("Authorization", "Bearer " + read(os.path.join(data, "node-token")).strip())
        try:
            urllib.request.urlopen(link, timeout=20).close()
        except OSError:
            pass  # The connection is ended behind the refusal, perhaps before all of it is read.

        def lines():
            return [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]

        eventually("the refused link is logged", lambda: any("link version 99" in line["message"] for line in lines()))
        line = next(line for line in lines() if "link version 99" in line["message"])
        self.assertEqual(line["level"], "warning")
        self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


if __name__ == "__main__":
    unittest.main()
