"""The vault's rows, by programs of their own: the log's appends and verification, and playback. One that is missing or fails is
not measured, and that is said."""
import json
import re
import subprocess
import tempfile

import servers

PROGRAMS = servers.TOP / "build/dev/tests"


def _run(name, *arguments, seconds=120):
    program = PROGRAMS / name
    if not program.exists():
        print(f"{name}: not built, not measured", flush=True)
        return ""
    # The disk is what durable appends wait for: not the temporary directory, which may be memory.
    with tempfile.TemporaryDirectory(dir=servers.BUILT) as folder:
        try:
            done = subprocess.run([program, "--directory", folder, *arguments], capture_output=True, text=True, timeout=seconds)
        except subprocess.TimeoutExpired:
            print(f"{name}: took longer than {seconds} s, not measured", flush=True)
            return ""
    if done.returncode != 0:
        print(f"{name}: ended with {done.returncode}, not measured\n{done.stderr[-500:]}", flush=True)
        return ""
    print(f"{name}: {done.stdout.strip().splitlines()[-1] if done.stdout.strip() else 'said nothing'}", flush=True)
    return done.stdout


def last_object(text, *names):
    """The last line that is a JSON object with these members, or None."""
    for line in reversed(text.splitlines()):
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict) and all(isinstance(found.get(one), (int, float)) for one in names):
            return found
    return None


def verified(text):
    """Seconds that a whole log of a million leaves took, as bench_ledger says it."""
    found = re.search(r"^verify a whole log offline\s+1000000 leaves\s+([\d.]+) s\s+ok$", text, re.M)
    return float(found[1]) if found else None


def measure():
    return {"appends": last_object(_run("bench_appends"), "appends_per_s", "fsyncs_per_s"),
            "verify_s": verified(_run("bench_ledger")),
            "playback": last_object(_run("bench_playback"), "first_byte_ms", "seek_max_ms")}
