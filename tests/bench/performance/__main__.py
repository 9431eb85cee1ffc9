"""Cost, latency, loss and memory of the relay against load, beside the floor and Janus. scripts/bench prepares and runs this."""
import argparse
import json
import pathlib
import random
import subprocess
import sys
import time
import traceback

import joining
import machine
import recording
import report
import servers
import vault
from rounds import Rounds

TOP = pathlib.Path(__file__).resolve().parents[3]
AGAIN_UNTIL_S = {True: 150, False: 840}  # after so long what other work disturbed is not run once more


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--only")
    parser.add_argument("--pairs", type=int, default=25)
    parser.add_argument("--out", type=pathlib.Path, default=TOP / "docs/performance")
    return parser.parse_args()


def own_network():
    """The namespace scripts/bench made has nothing but a loopback that is down. Janus takes no loopback interface, so its
    address and the generator's lie on a veth pair; the packets pass through lo all the same."""
    for command in ("link set lo up", "link add bench0 type veth peer name bench1", "link set bench0 up",
                    "link set bench1 up", "addr add 127.0.0.2/32 dev bench0", "addr add 127.0.0.3/32 dev bench0"):
        subprocess.run(["ip", *command.split()], check=True)


def relays(options, names):
    """Every relay under every load, in turn."""
    loads = [50, 100, 200] if options.quick else [10, 25, 50, 100, 150, 200]
    repeats = options.repeats or (1 if options.quick else 2)
    rounds = Rounds(seconds=3 if options.quick else 6)
    begun = time.monotonic()
    for repeat in range(repeats):
        for pairs in loads:
            for name in random.sample(names, len(names)):  # none always follows the same one
                rounds.run(name, pairs)
    for pairs in () if options.quick else (50, 100):
        for name in names:
            rounds.run(name, pairs, burst=10)
    for key in rounds.disturbed():
        if time.monotonic() - begun < AGAIN_UNTIL_S[options.quick]:
            rounds.run(*key)
    return rounds.rows()


def recorded(options):
    count = options.repeats or (1 if options.quick else 3)
    try:
        return recording.measure(options.pairs, count, 5 if options.quick else 8, proofs=25)
    except Exception:  # what failed is not measured, and the rest of a long run is not lost for it
        traceback.print_exc()
        return None


def main():
    options = arguments()
    own_network()
    everything = [*servers.ALL, "recording", "vault", *(() if options.quick else ("joining",))]
    names = options.only.split(",") if options.only else everything
    relay_names = [name for name in names if name in servers.ALL]
    result = {"machine": machine.describe(), "rows": []}
    if "vault" in names:
        result["vault"] = vault.measure()
    if "recording" in names:
        result["recording"] = recorded(options)
    if "joining" in names:
        result["joining"] = joining.measure()
    if relay_names:
        result["rows"] = relays(options, relay_names)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "results.json").write_text(json.dumps(result, indent=1) + "\n")
    report.write(result, options.out)
    print(f"\n{options.out}/RESULTS.md")


if __name__ == "__main__":
    sys.exit(main())
