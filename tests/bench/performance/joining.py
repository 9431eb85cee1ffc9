"""What live calls feel of others that begin: joins.py, in a process of its own. Where it fails it is not measured."""
import re
import subprocess
import sys

import servers

LINE = re.compile(r"^(alone|joining):.* p99 ([\d.]+),.*?(?:; ([\d.]+) handshakes a second)?$", re.M)


def figures(text):
    """Of what joins.py printed; None when a line is missing."""
    found = {name: (float(p99), rate) for name, p99, rate in LINE.findall(text)}
    if set(found) != {"alone", "joining"} or not found["joining"][1]:
        return None
    return {"alone_p99_us": found["alone"][0], "p99_us": found["joining"][0], "handshakes_a_second": float(found["joining"][1])}


def measure():
    try:
        done = subprocess.run([sys.executable, "-B", servers.TOP / "tests/bench/joins.py"], capture_output=True, text=True,
                              timeout=120)
    except subprocess.TimeoutExpired:
        print("joins: took too long, not measured", flush=True)
        return None
    print(done.stdout.strip() or f"joins: not measured\n{done.stderr[-500:]}", flush=True)
    return figures(done.stdout)
