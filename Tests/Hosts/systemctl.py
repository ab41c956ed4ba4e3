#!/usr/bin/python3
"""What the guide needs of systemctl on a host of the lab, where no systemd runs: it reads an installed unit and starts
its command with its user, its environment file and its folders. It does not start again what has ended."""

import grp
import os
import pwd
import shlex
import signal
import string
import subprocess
import sys
import time

UNITS = "/etc/systemd/system"
STATE = "/var/lib/lab-units"


def read_unit(name):
    """The settings of a unit; every name that this does not know how to obey is an error, so that none is skipped."""
    known = {"Type", "User", "EnvironmentFile", "ExecStart", "Restart", "RestartSec", "RestartPreventExitStatus", "KillMode",
             "Delegate", "LimitNOFILE", "StateDirectory", "StateDirectoryMode", "Description", "Documentation", "After",
             "Wants", "WantedBy"}
    settings = {}
    with open(f"{UNITS}/{name}.service") as file:
        for line in map(str.strip, file):
            if line and line[0] not in "#[":
                key, value = line.split("=", 1)
                if key not in known:
                    sys.exit(f"{name}: {key} is not understood here")
                settings[key] = value
    if settings["KillMode"] != "process":
        sys.exit(f"{name}: a stop would end shims and ranks")
    return settings


def words(line, environment):
    """As systemd does it: ${X} is one word, $X is split into words."""
    out = []
    for word in line.split():
        if word.startswith("$") and word[1:].isidentifier():
            out += shlex.split(environment.get(word[1:], ""))
        else:
            out.append(string.Template(word).substitute(environment))
    return out


def start(name):
    unit = read_unit(name)
    environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
    with open(unit["EnvironmentFile"]) as file:
        for line in map(str.strip, file):
            if line and not line.startswith("#"):
                key, value = line.split("=", 1)
                environment[key] = value.strip('"')
    user = pwd.getpwnam(unit.get("User", "root"))
    environment.update(HOME=user.pw_dir, USER=user.pw_name, LOGNAME=user.pw_name)
    folder = os.path.join("/var/lib", unit["StateDirectory"])
    os.makedirs(folder, exist_ok=True)
    os.chmod(folder, int(unit["StateDirectoryMode"], 8))
    os.chown(folder, user.pw_uid, user.pw_gid)
    os.makedirs(STATE, exist_ok=True)
    with open(f"{STATE}/{name}.log", "ab") as log:
        process = subprocess.Popen(
            words(unit["ExecStart"], environment), env=environment, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, user=user.pw_uid, group=user.pw_gid,
            extra_groups=[entry.gr_gid for entry in grp.getgrall() if user.pw_name in entry.gr_mem])
    with open(f"{STATE}/{name}.pid", "w") as file:
        file.write(str(process.pid))


def main_pid(name):
    try:
        with open(f"{STATE}/{name}.pid") as file:
            pid = int(file.read())
        with open(f"/proc/{pid}/stat") as file:
            return pid if file.read().rsplit(")", 1)[1].split()[0] not in "ZX" else None
    except (FileNotFoundError, ProcessLookupError):
        return None


def stop(name):
    pid = main_pid(name)
    if pid is None:
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 20
    while main_pid(name) == pid:
        if time.monotonic() > deadline:
            sys.exit(f"{name} does not stop")
        time.sleep(0.05)


def main():
    verb, rest = sys.argv[1], [word for word in sys.argv[2:] if not word.startswith("-")]
    names = [name.removesuffix(".service") for name in rest]
    if verb == "daemon-reload":
        return
    for name in names:
        if verb == "enable":
            read_unit(name)
            if "--now" in sys.argv and main_pid(name) is None:
                start(name)
        elif verb == "start":
            if main_pid(name) is None:
                start(name)
        elif verb == "stop":
            stop(name)
        elif verb == "restart":
            stop(name)
            start(name)
        elif verb == "is-active":
            print("active" if main_pid(name) else "inactive")
            sys.exit(0 if main_pid(name) else 3)
        else:
            sys.exit(f"systemctl {verb} is not known here")


if __name__ == "__main__":
    main()
