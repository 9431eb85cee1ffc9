"""Cost, latency, loss and memory of the relay against load, beside the floor and Janus. scripts/bench prepares and runs this."""
import argparse
import json
import pathlib
import random
import subprocess
import sys

import machine
import report
import servers
from rounds import Rounds

TOP = pathlib.Path(__file__).resolve().parents[3]


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--only")
    parser.add_argument("--out", type=pathlib.Path, default=TOP / "docs/performance")
    return parser.parse_args()


def own_network():
    """The namespace scripts/bench made has nothing but a loopback that is down. Janus takes no loopback interface, so its
    address and the generator's lie on a veth pair; the packets pass through lo all the same."""
    for command in ("link set lo up", "link add bench0 type veth peer name bench1", "link set bench0 up",
                    "link set bench1 up", "addr add 127.0.0.2/32 dev bench0", "addr add 127.0.0.3/32 dev bench0"):
        subprocess.run(["ip", *command.split()], check=True)


def main():
    options = arguments()
    own_network()
    loads = [10, 50, 100] if options.quick else [10, 25, 50, 100, 150, 200]
    repeats = options.repeats or (1 if options.quick else 3)
    names = options.only.split(",") if options.only else list(servers.ALL)
    rounds = Rounds(seconds=4 if options.quick else 8)
    for repeat in range(repeats):
        for pairs in loads:
            for name in random.sample(names, len(names)):  # none always follows the same one
                rounds.run(name, pairs)
    for pairs in (50, 100):
        for name in names:
            rounds.run(name, pairs, burst=10)
    result = {"machine": machine.describe(), "rows": rounds.rows()}
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "results.json").write_text(json.dumps(result, indent=1) + "\n")
    report.write(result, options.out)
    print(f"\n{options.out}/RESULTS.md")


if __name__ == "__main__":
    sys.exit(main())
