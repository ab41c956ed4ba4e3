"""Hosts that are network namespaces: a switch, cables that can be cut, processes on each host.

Everything has a name that begins with the lab's own, so that what a dead run left behind is found and removed, and what
a living one uses is left alone. Nothing is made in the machine's own network: all traffic stays in the lab.
"""

import atexit
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "Tests", "Support"))
from waiting import alive, eventually  # noqa: E402

PREFIX = "mlab-"
NETWORK = "10.209.0"
DATA_NETWORK = "10.210.0"
# Belongs to nobody: what is sent there vanishes.
NOBODY = "02:00:00:00:00:99"
# A lab's folder is a moment older than its lock.
TOO_YOUNG_SECONDS = 10


class LabError(Exception):
    """The lab could not be made or changed; the text says what was tried."""


def ip(*words, check=True):
    done = subprocess.run(["ip", *map(str, words)], capture_output=True, text=True, timeout=20)
    if check and done.returncode != 0:
        raise LabError(f"ip {' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout


def boot_seconds():
    """The clock that all namespaces share and that nobody sets."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def why_not():
    """Why there can be no lab here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None or shutil.which("nsenter") is None:
        return "no `ip` or no `nsenter`: apt-get install -y iproute2 util-linux"
    name = f"{PREFIX}try{os.getpid()}"
    try:
        ip("netns", "add", name)
        try:
            ip("-n", name, "link", "add", "br0", "type", "bridge")
            ip("-n", name, "link", "add", "veth0", "type", "veth", "peer", "name", "veth1")
        finally:
            ip("netns", "del", name, check=False)
    except (LabError, OSError) as error:
        return f"network namespaces are not allowed here: {error}"
    return None


class Host:
    """One namespace with a cable to the switch."""

    def __init__(self, lab, name, number):
        self.lab, self.name = lab, name
        self.namespace = f"{lab.name}-{name}"
        self.address = f"{NETWORK}.{number}"
        self.number = number
        self.port = f"p{number}"
        self.folder = os.path.join(lab.folder, name)
        os.mkdir(self.folder)

    def pids(self):
        done = ip("netns", "pids", self.namespace, check=False)
        return [int(word) for word in done.split()]


class Lab:
    def __init__(self, workers=6):
        remove_leftovers()
        self.folder = tempfile.mkdtemp(prefix=PREFIX, dir="/tmp")
        self.name = os.path.basename(self.folder)
        self.lock = open(os.path.join(self.folder, "lock"), "w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.switch = f"{self.name}-switch"
        self.hosts, self.started = {}, []
        self.closed = False
        atexit.register(self.close)
        # Ended from outside, the lab still has to go: SystemExit runs what `atexit` holds.
        if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            ip("netns", "add", self.switch)
            for bridge in ("br0", "br1"):
                ip("-n", self.switch, "link", "add", bridge, "type", "bridge")
                ip("-n", self.switch, "link", "set", bridge, "up")
            self.add_host("c", 1)
            for number in range(1, workers + 1):
                self.add_host(f"n{number}", 10 + number)
        except BaseException:
            self.close()
            raise

    def add_host(self, name, number):
        host = Host(self, name, number)
        ip("netns", "add", host.namespace)
        self.hosts[name] = host
        self.cable(host, "br0", host.port, "eth0", f"{host.address}/24")
        ip("-n", host.namespace, "link", "set", "lo", "up")
        return host

    def cable(self, host, bridge, port, interface, address):
        ip("-n", self.switch, "link", "add", port, "type", "veth", "peer", "name", interface, "netns", host.namespace)
        ip("-n", self.switch, "link", "set", port, "master", bridge, "up")
        ip("-n", host.namespace, "address", "add", address, "dev", interface)
        ip("-n", host.namespace, "link", "set", interface, "up")

    def add_data_network(self, *names):
        """A second interface, `data0`, on a network that only these hosts share."""
        for name in names:
            host = self.hosts[name]
            self.cable(host, "br1", f"d{host.number}", "data0", f"{DATA_NETWORK}.{host.number}/24")

    def add_address(self, name, number):
        ip("-n", self.hosts[name].namespace, "address", "add", f"{NETWORK}.{number}/24", "dev", "eth0")
        return f"{NETWORK}.{number}"

    def remove_address(self, name, number):
        ip("-n", self.hosts[name].namespace, "address", "del", f"{NETWORK}.{number}/24", "dev", "eth0")

    # Cables

    def cut(self, *names):
        """Both directions, somewhere behind the switch's port: no FIN, no RST, and the host's own link stays up."""
        for name in names:
            ip("-n", self.switch, "link", "set", self.hosts[name].port, "nomaster")

    def unplug(self, *names):
        """Both directions, and the host sees its link go down."""
        for name in names:
            ip("-n", self.switch, "link", "set", self.hosts[name].port, "down")

    def cut_one_way(self, source, destination):
        """What `source` sends to `destination` vanishes; what comes back arrives."""
        ip("-n", self.hosts[source].namespace, "neigh", "replace", self.hosts[destination].address, "lladdr", NOBODY,
           "dev", "eth0", "nud", "permanent")

    def heal(self, *names):
        """The cables of these hosts (all, if none is named) carry everything again."""
        for name in names or list(self.hosts):
            port = self.hosts[name].port
            ip("-n", self.switch, "link", "set", port, "master", "br0", "up")
        for host in self.hosts.values():
            for line in ip("-n", host.namespace, "neigh", "show", "nud", "permanent").splitlines():
                if NOBODY in line:
                    ip("-n", host.namespace, "neigh", "del", line.split()[0], "dev", "eth0")

    def reaches(self, source, destination, port=9):
        """Whether a packet from one host comes to another and an answer back: refused is an answer, too."""
        script = (
            "import socket,sys\ns=socket.socket();s.settimeout(0.7)\n"
            "try: s.connect((sys.argv[1],int(sys.argv[2])))\n"
            "except ConnectionRefusedError: pass\n"
            "except OSError: sys.exit(1)\n")
        return self.run(source, ["/usr/bin/python3", "-c", script, self.hosts[destination].address, port]).returncode == 0

    # Processes

    def inside(self, name, command, mounts=""):
        """A command as it is started on a host. `mounts` is shell that changes what that host alone sees of the disk."""
        entered = ["nsenter", f"--net=/run/netns/{self.hosts[name].namespace}"]
        if mounts:
            # Each word of the command stays one: the shell only replaces itself by it.
            entered += ["unshare", "--mount", "--propagation", "private", "sh", "-ec", mounts + '\nexec "$@"', "sh"]
        return entered + [str(word) for word in command]

    def start(self, name, command, environment=None, log=None, mounts="", cwd=None):
        """Starts a process on a host; it ends with the lab. Its pid is the program's own."""
        path = os.path.join(self.hosts[name].folder, log or "log")
        with open(path, "ab") as out:
            process = subprocess.Popen(
                self.inside(name, command, mounts), stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment,
                cwd=cwd or self.folder, start_new_session=True)
        self.started.append(process)
        return process

    def run(self, name, command, timeout=60, mounts="", **options):
        options.setdefault("input", "")
        return subprocess.run(
            self.inside(name, command, mounts), capture_output=True, text=True, timeout=timeout,
            cwd=options.pop("cwd", self.folder), **options)

    def log(self, name, log="log"):
        with open(os.path.join(self.hosts[name].folder, log), errors="replace") as file:
            return file.read()

    def kill_all(self, *names):
        """Every process on these hosts, by SIGKILL, as a power failure would."""
        for name in names:
            kill_namespace(self.hosts[name].namespace)
        self.reap()

    def reap(self):
        self.started = [process for process in self.started if process.poll() is None]

    def close(self):
        if self.closed:
            return
        self.closed = True
        atexit.unregister(self.close)
        for process in self.started:
            if process.poll() is None:
                process.kill()
        remove(self.name)
        for process in self.started:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                pass
        self.lock.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def namespaces():
    return [line.split()[0] for line in ip("netns", "list", check=False).splitlines() if line.strip()]


def kill_namespace(namespace):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        pids = [int(word) for word in ip("netns", "pids", namespace, check=False).split()]
        if not pids:
            return
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        # Those that are our own children have to be waited for, or they stay in the list.
        for pid in pids:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass
        time.sleep(0.02)


def remove(lab):
    """A lab's processes, then its namespaces; its cables go with them."""
    mine = [name for name in namespaces() if re.fullmatch(re.escape(lab) + r"-[a-z0-9]+", name)]
    for name in mine:
        kill_namespace(name)
    for name in mine:
        ip("netns", "del", name, check=False)


def remove_leftovers():
    """Labs whose run is dead: nobody holds their lock."""
    labs = {match.group(1) for match in (re.match(rf"({PREFIX}[a-z0-9_]{{8}})-", name) for name in namespaces()) if match}
    labs |= {name for name in os.listdir("/tmp") if re.fullmatch(rf"{PREFIX}[a-z0-9_]{{8}}", name)}
    for lab in labs:
        folder = os.path.join("/tmp", lab)
        try:
            if time.time() - os.stat(folder).st_mtime < TOO_YOUNG_SECONDS:
                continue
        except FileNotFoundError:
            pass
        try:
            with open(os.path.join(folder, "lock")) as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove(lab)
        except BlockingIOError:
            continue  # alive
        except FileNotFoundError:
            remove(lab)
        shutil.rmtree(folder, ignore_errors=True)
