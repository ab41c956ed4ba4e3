"""The guide (docs/operations.md) followed to the letter: its blocks are typed on hosts that have `/etc`, `/usr/local`,
`/var` and a name of their own. Only the values of its `export` lines are the lab's."""

import json
import os
import re
import shutil
import subprocess
import time
import unittest

import lab as lab_module
from hosts import HERE, MUSTER
from lab import ROOT, Lab, eventually

GUIDE = os.path.join(ROOT, "docs", "operations.md")
WORKERS = 10
OWN_FOLDERS = ("etc", "usr/local", "var", "root")


def blocks():
    """(where, text) of each marked block, in the guide's order."""
    with open(GUIDE) as file:
        return re.findall(r"<!-- on: (.+?) -->\n```sh\n(.*?)```", file.read(), re.DOTALL)


class Operations(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        reason = lab_module.why_not()
        if reason:
            raise unittest.SkipTest(reason)
        with open("/proc/filesystems") as file:
            if "overlay" not in file.read() and subprocess.run(["modprobe", "overlay"], capture_output=True).returncode != 0:
                raise unittest.SkipTest("no overlay file system: hosts cannot have an /etc of their own")
        cls.lab = Lab(WORKERS + 1)
        try:
            cls.prepare()
        except BaseException:
            cls.lab.close()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.lab.close()

    @classmethod
    def prepare(cls):
        cls.release = os.path.join(cls.lab.folder, "release")
        os.makedirs(os.path.join(cls.release, ".build/release"))
        shutil.copytree(os.path.join(ROOT, "packaging"), os.path.join(cls.release, "packaging"))
        program = os.path.join(cls.release, ".build/release/muster")
        # Without symbols: eleven copies of it are made.
        if shutil.which("strip") is None or subprocess.run(["strip", "-o", program, MUSTER]).returncode != 0:
            shutil.copy(MUSTER, program)
        cls.workers = [f"n{number}" for number in range(1, WORKERS + 1)]
        cls.desk = f"n{WORKERS + 1}"
        # A disk of its own for what the hosts write: an overlay cannot lie on every file system.
        cls.inner = {name: cls.enter(name) for name in cls.lab.hosts}
        cls.values = {
            "CONTROLLER": cls.lab.hosts["c"].address, "RELEASE": cls.release, "WORKERS": str(WORKERS)}

    @classmethod
    def enter(cls, name):
        """Starts the first process of a host with a disk and processes of its own: what the guide kills is the host's.
        - Returns: its pid."""
        own = os.path.join(cls.lab.hosts[name].folder, "disk")
        lines = [f"mkdir -p {own}", f"hostname {name}"]
        for folder in OWN_FOLDERS:
            upper, work = f"{own}/{folder}.upper", f"{own}/{folder}.work"
            lines += [f"mkdir -p {upper} {work}",
                      f"mount -t overlay overlay -o lowerdir=/{folder},upperdir={upper},workdir={work} /{folder}"]
        lines += [f"install -m 0755 {HERE}/systemctl.py /usr/local/sbin/systemctl", f"touch {own}/ready"]
        process = cls.lab.start(
            name, ["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private",
                   "sh", "-ec", "\n".join(lines) + "\nexec sleep infinity"], log="disk.log")
        eventually(lambda: f"the disk of {name} is there: {cls.lab.log(name, 'disk.log')}",
                   lambda: os.path.exists(f"{own}/ready"))
        with open(f"/proc/{process.pid}/task/{process.pid}/children") as file:
            return int(file.read().split()[0])

    def type(self, name, text):
        """What a person types on a host, with the values of `export` lines replaced."""
        def value(match):
            given = self.values.get(match.group(1))
            return match.group(0) if given is None else f"export {match.group(1)}='{given}'"
        text = re.sub(r"^export (\w+)=.*$", value, text, flags=re.MULTILINE)
        known = "".join(f"export {key}='{word}'\n" for key, word in self.values.items())
        done = subprocess.run(
            ["nsenter", "-t", str(self.inner[name]), "--mount", "--net", "--uts", "--pid", "sh", "-euc", known + text],
            capture_output=True, text=True, timeout=120, cwd="/", env={
                "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
                "LANG": "C.UTF-8"})
        self.assertEqual(done.returncode, 0, f"on {name}:\n{text}\n{done.stdout}{done.stderr}{self.unit_logs(name)}")
        return done.stdout

    def unit_logs(self, name):
        folder, text = os.path.join(self.lab.hosts[name].folder, "disk/var.upper/lib/lab-units"), ""
        for entry in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            if entry.endswith(".log"):
                with open(os.path.join(folder, entry), errors="replace") as file:
                    text += file.read()[-1000:]
        return text

    def test_the_guide(self):
        """Install on ten hosts, log in from a desk, back up, restore, upgrade, revoke: every marked block, in its order."""
        seen = []
        for where, text in blocks():
            seen.append(where)
            self.before.get((where, seen.count(where)), lambda self: None)(self)
            if where == "every host":
                for name in self.lab.hosts:
                    self.type(name, text)
            elif where.startswith("the controller"):
                out = self.type("c", text)
                if "token create" in text:
                    self.values["TOKEN"] = out.strip().splitlines()[-1]
                    self.assertTrue(self.values["TOKEN"].startswith("muster1."))
                if "muster run" in text:
                    self.assertIn(f"rank 0 of {WORKERS}", out)
            elif where.startswith("each worker"):
                for name in self.workers:
                    self.type(name, text)
            elif where == "the revoked worker":
                self.type(self.values["NODE"], text)
            elif where == "a desk":
                self.values["PEOPLE_TOKEN"] = self.type("c", "cat /var/lib/muster/token").strip()
                out = self.type(self.desk, text)
                for name in self.workers:
                    self.assertIn(name, out)
                for rank in range(WORKERS):
                    log = self.type(self.desk, f"muster logs 1 --rank {rank}")
                    self.assertEqual(log, f"rank {rank} of {WORKERS}\n")
            else:
                self.fail(f"the guide says \"on: {where}\", and nobody knows where that is")
            self.after.get((where, seen.count(where)), lambda self: None)(self)
        self.assertEqual(seen, ["every host", "the controller", "the controller", "each worker", "the controller", "a desk",
                                "the controller, later", "the controller, restoring", "each worker, restoring",
                                "the controller, restoring", "each worker, restoring", "each worker, later",
                                "the controller, revoking", "the revoked worker", "the controller, revoking"])
        self.type("c", "systemd-analyze verify /etc/systemd/system/muster-server.service")
        self.type("n1", "systemd-analyze verify /etc/systemd/system/muster-agent.service")

    READY = 'until [ "$(muster nodes --data /var/lib/muster | grep -c " ready ")" -eq "$WORKERS" ]; do sleep 0.2; done'

    def something_the_backup_does_not_know(self):
        """After the backup the controller has had later epochs, and a job that the backup does not know runs."""
        for _ in range(2):
            self.type("c", "systemctl restart muster-server\n"
                           "until muster nodes --data /var/lib/muster 2>/dev/null; do sleep 0.2; done")
        self.type("c", self.READY)
        self.beats = os.path.join(self.lab.folder, "beats")
        job = os.path.join(self.lab.folder, "unknown.yaml")
        with open(job, "w") as file:
            file.write(f"""
name: unknown
gang: {{nodes: 2, devicesPerNode: 1}}
workingDirectory: /
command: [sh, -c, "echo of before; while date +%s > {self.beats}.$RANK; do sleep 0.2; done"]
""")
        self.type("c", f"muster submit {job} --data /var/lib/muster")
        eventually("it runs", lambda: all(os.path.exists(f"{self.beats}.{rank}") for rank in (0, 1)), 30)
        out = json.loads(self.type("c", "muster jobs --data /var/lib/muster --json"))
        self.lost = max(job["id"] for job in out)

    def nothing_of_before_runs(self):
        for rank in (0, 1):
            self.assertGreater(time.time() - os.path.getmtime(f"{self.beats}.{rank}"), 1, "a rank of before still runs")

    def numbers_are_given_anew(self):
        """The next job has the lost one's number, and a log of its own."""
        self.type("c", self.READY)
        out = self.type("c", 'muster run --data /var/lib/muster --nodes "$WORKERS" -- echo of after')
        self.assertIn("of after", out)
        jobs = json.loads(self.type("c", "muster jobs --data /var/lib/muster --json --all"))
        self.assertEqual(max(job["id"] for job in jobs), self.lost)
        self.assertEqual([job["attempt"] for job in jobs if job["id"] == self.lost], [1],
                         self.type("c", f"muster report {self.lost} --data /var/lib/muster; muster events --data /var/lib/muster"))
        self.assertEqual(self.type("c", f"muster logs {self.lost} --rank 0 --data /var/lib/muster"), "of after\n")

    def all_are_back(self):
        """By their certificates alone."""
        self.assertFalse(os.path.exists(os.path.join(self.lab.hosts["n1"].folder, "disk/etc.upper/muster/join-token")))
        self.type("c", self.READY)

    def choose_whom(self):
        self.values["NODE"] = "n7"
        self.values["TOKEN"] = self.type("c", "muster token create --data /var/lib/muster").strip().splitlines()[-1]

    def it_is_out(self):
        """Its agent has ended, and does not get in by its old key."""
        self.type("n7", "until ! systemctl is-active muster-agent; do sleep 0.2; done; systemctl start muster-agent")
        self.type("n7", "until ! systemctl is-active muster-agent; do sleep 0.2; done")

    def it_is_in_again(self):
        self.type("c", self.READY + '\nmuster run --data /var/lib/muster --nodes "$WORKERS" -- true')

    # What is arranged before, and looked at after, the n-th block of a place.
    before = {("the controller, restoring", 1): something_the_backup_does_not_know,
              ("the controller, revoking", 1): choose_whom}
    after = {("the controller, restoring", 2): nothing_of_before_runs, ("each worker, restoring", 2): numbers_are_given_anew,
             ("each worker, later", 1): all_are_back, ("the controller, revoking", 1): it_is_out,
             ("the controller, revoking", 2): it_is_in_again}


if __name__ == "__main__":
    unittest.main()
