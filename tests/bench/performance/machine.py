"""What the figures were measured on."""
import datetime
import os
import pathlib
import platform
import subprocess


def _first(path, key):
    for line in pathlib.Path(path).read_text().splitlines():
        if line.startswith(key):
            return line.split(":", 1)[1].strip()
    return "?"


def _version(package):
    done = subprocess.run(["dpkg-query", "-W", "-f=${Version}", package], capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else "absent"


def describe():
    commit = subprocess.run(["git", "-C", os.path.dirname(__file__), "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return {
        "date": datetime.date.today().isoformat(),
        "commit": commit.stdout.strip(),
        "processor": _first("/proc/cpuinfo", "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "virtual": "hypervisor" in _first("/proc/cpuinfo", "flags"),
        "memory": _first("/proc/meminfo", "MemTotal"),
        "kernel": platform.release(),
        "versions": {name: _version(name) for name in ("janus", "libsrtp2-1", "openssl", "libsoup-3.0-0")},
    }
