"""Measurements: one generator run each, those that other work disturbed dropped, the rest put together by their medians."""
import math
import statistics
import subprocess

import noise
import servers

# The load generator's comma-separated line, in its order.
FIELDS = ("label pairs sent_pps forwarded_pps sent got loss_percent p50_us p99_us p999_us ns_packet user_ns kernel_ns "
          "core_percent rss_idle_kib rss_connected_kib rss_kib threads idle_percent steal_percent generator_percent "
          "generator_late_p99_us setup_s bad rtcp others_percent").split()
SHOWN = ("loss_percent", "p50_us", "p99_us", "ns_packet", "core_percent", "generator_percent", "others_percent")


def read(line):
    """The generator's figures; None when it failed, or nothing at all was forwarded in its window."""
    values = line.split(",")
    if len(values) != len(FIELDS):
        return None
    run = {field: value if field == "label" else float(value) for field, value in zip(FIELDS, values)}
    return run if math.isfinite(run["ns_packet"]) and run["p50_us"] >= 0 else None


class Rounds:
    def __init__(self, seconds):
        self.seconds = seconds
        self.runs = {}

    def run(self, name, pairs, burst=1):
        line = None
        try:
            with servers.ALL[name]() as server:
                line = self._generate(server, pairs, burst)
        except (AssertionError, OSError, subprocess.SubprocessError) as why:  # one that does not start ends no long run
            print(f"{name}: {why}", flush=True)
        run = read(line or "")
        if run is None:
            print(f"{name:14} {pairs:4} pairs, bursts of {burst:2}: failed", flush=True)
            return
        run["kib_pair"] = (run["rss_kib"] - run["rss_idle_kib"]) / pairs
        self.runs.setdefault((name, pairs, burst), []).append(run)
        print(f"{name:14} {pairs:4} pairs, bursts of {burst:2}: {run['ns_packet']:6.0f} ns a packet, "
              f"{run['p50_us']:6.0f} / {run['p99_us']:6.0f} us, {run['loss_percent']:.3f} % lost, {run['kib_pair']:4.0f} KiB a pair; "
              f"others {run['others_percent']:.0f} % of a core", flush=True)

    def _generate(self, server, pairs, burst):
        command = [servers.BUILT / "loadgen", *server.generator, "-p", str(server.pid), "-n", str(pairs), "-P", "gcm",
                   "-s", str(self.seconds), "-w", "2", "-B", str(burst), "-C"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=60 + self.seconds)
        except subprocess.TimeoutExpired:
            return None
        return done.stdout.strip().splitlines()[-1] if done.returncode == 0 and done.stdout.strip() else None

    def disturbed(self):
        """(name, pairs, burst) of what has no quiet run yet."""
        return [key for key, runs in sorted(self.runs.items()) if not any(map(noise.is_quiet, runs))]

    def rows(self):
        return [self._row(*key) for key in sorted(self.runs)]

    def _row(self, name, pairs, burst):
        runs = self.runs[name, pairs, burst]
        used, quiet = noise.usable(runs, noise.is_quiet)
        row = {"server": name, "pairs": pairs, "burst": burst, "runs": len(runs), "quiet": quiet}
        for field in (*SHOWN, "kib_pair", "forwarded_pps"):
            row[field] = statistics.median(run[field] for run in used)
        row["ns_packet_range"] = [min(run["ns_packet"] for run in used), max(run["ns_packet"] for run in used)]
        return row
