"""What calls under way feel of others that begin: live pairs are measured alone, then while so many persons a second join.

    APARTE_BENCH=../shared/bench APARTE_BIN=build/release/bin /usr/bin/python3 tests/bench/joins.py [--rate 100] [--pairs 25]

scripts/bench has built what this needs. A join is whatever a browser's is to the gateway: a session or its second person, an
offer answered, checks, a DTLS handshake; those who joined stay until the run is over, and say nothing.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import time
import urllib.request

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/testlib"))
import aparte_client  # noqa: E402

GENERATOR = TOP / "build/bench/loadgen"
CROWD = 10  # pairs that one generator lets join, one after the other


def arguments():
    parser = argparse.ArgumentParser(prog="joins")
    parser.add_argument("--rate", type=int, default=100, help="persons a second")
    parser.add_argument("--pairs", type=int, default=25, help="under way, 300 packets a second a person")
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--generator", default=GENERATOR)
    return parser.parse_args()


def begin(options, instance, *more):
    where = ["-b", "aparte", "-u", f"http://127.0.0.1:{instance.port}", "-k", instance.demo["api_key"], "-P", "gcm"]
    return subprocess.Popen([options.generator, *where, *more], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def live(options, instance):
    return begin(options, instance, "-n", str(options.pairs), "-s", str(options.seconds), "-w", "2", "-C")


def said(process):
    """Loss in percent, and the median, 99th and 99.9th percentile of the added latency, µs."""
    line, _ = process.communicate(timeout=120)
    return [float(field) for field in line.strip().splitlines()[-1].split(",")[6:10]]


def handshakes(instance):
    """Completed so far, of all workers."""
    with urllib.request.urlopen(f"http://127.0.0.1:{instance.port}/metrics", timeout=10) as answer:
        return sum(int(n) for n in re.findall(r"^aparte_media_dtls_done_total\{.*\} (\d+)", answer.read().decode(), re.M))


def crowds(options, instance, until):
    """As many as the rate asks for until then; the rest of what they do is their own."""
    started, running, due = time.monotonic(), [], 0.0
    while time.monotonic() < until:
        if time.monotonic() - started >= due:
            running.append(begin(options, instance, "-n", str(CROWD), "-V", "0", "-a", "0", "-w", "0", "-s", "1", "-C"))
            due += 2 * CROWD / options.rate
        time.sleep(0.01)
    return running


def main():
    options = arguments()
    instance = aparte_client.Instance({"gateway.rate_per_minute": 1000000})
    try:
        print("alone:   %.4f %% lost, p50 %.0f, p99 %.0f, p99.9 %.0f us" % tuple(said(live(options, instance))), flush=True)
        under_way = live(options, instance)
        time.sleep(2)
        before, begun = handshakes(instance), time.monotonic()
        running = crowds(options, instance, begun + options.seconds)
        joined = (handshakes(instance) - before) / (time.monotonic() - begun)
        print("joining: %.4f %% lost, p50 %.0f, p99 %.0f, p99.9 %.0f us" % tuple(said(under_way)), end="")
        print(f"; {joined:.0f} handshakes a second")
        for process in running:
            process.communicate(timeout=60)
    finally:
        instance.stop()


main()
