"""Who used the processors: an instance's processes, the generator, and everybody else, from /proc."""
import dataclasses
import os
import pathlib
import re

TICK = os.sysconf("SC_CLK_TCK")


def children(pid):
    """Of all its threads: whoever of them forked."""
    found = []
    for task in _listed(f"/proc/{pid}/task"):
        found += [int(one) for one in _text(f"/proc/{pid}/task/{task}/children").split()]
    return found


def _listed(path):
    try:
        return os.listdir(path)
    except OSError:
        return []


def _text(path):
    try:
        return pathlib.Path(path).read_text()
    except OSError:
        return ""


def name(pid):
    return os.path.basename(_text(f"/proc/{pid}/cmdline").split("\0")[0])


def seconds(pid):
    """Of processor time so far: to the nanosecond where the kernel tells (threads that ended are then missing), else to a tick."""
    exact = [_text(f"/proc/{pid}/task/{task}/schedstat").split() for task in _listed(f"/proc/{pid}/task")]
    if exact and all(exact):
        return sum(int(one[0]) for one in exact) / 1e9
    fields = _text(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK if fields else 0.0


def busy():
    """Of all processors, not idle and not taken by the host, s."""
    values = [int(word) for word in _text("/proc/stat").splitlines()[0].split()[1:9]]
    return (sum(values) - values[3] - values[4] - values[7]) / TICK


@dataclasses.dataclass
class Used:
    gateway: float
    vault: float
    captures: float
    generator: float
    all: float

    def known(self):
        return self.gateway + self.vault + self.captures + self.generator

    def __sub__(self, other):
        return Used(*(a - b for a, b in zip(dataclasses.astuple(self), dataclasses.astuple(other))))


class Family:
    """The processes of one instance as they are now, and the generator."""

    def __init__(self, instance, generator):
        launcher = int((instance.home / "run/serve.pid").read_text().split()[0])
        by_name = {name(pid): pid for pid in children(launcher)}
        self.gateway, self.vault = by_name["aparte-gateway"], by_name["aparte-recorder"]
        self.zygote = by_name["aparte-capture"]
        self.captures = children(self.zygote)
        self.generator = generator

    def look(self):
        return Used(seconds(self.gateway), seconds(self.vault), sum(map(seconds, self.captures)) + seconds(self.zygote),
                    seconds(self.generator) + seconds(os.getpid()), busy())


def capture_memory(instance):
    """Proportional set size of each capture, KiB."""
    found = [re.search(r"^Pss:\s+(\d+)", _text(f"/proc/{pid}/smaps_rollup"), re.M) for pid in Family(instance, 0).captures]
    return [int(one[1]) for one in found if one]


def capture_threads(instance):
    return [len(_listed(f"/proc/{pid}/task")) for pid in Family(instance, 0).captures]
