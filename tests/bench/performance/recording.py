"""Twenty-five calls with real media, first not recorded, then all recorded, then not again: what recording costs the live call,
what a capture costs, how soon after the second consent it holds something, and what it holds after a withdrawal.

The persons' media are sent by recorded_pairs.c; every whole frame carries the time it was sent at. So the last two are read
from the recordings themselves. A withdrawal erases its recording within a moment: its keys are taken (identity.py) and its
files linked to beforehand, and what was written is opened afterwards with Debian's `age`.
"""
import concurrent.futures
import contextlib
import os
import pathlib
import re
import statistics
import struct
import subprocess
import threading
import time

import identity
import noise
import processes
import servers
from bad_disk import ANSWERED, offer
import aparte_client as client
import aparte_format as fmt

PROGRAM = servers.TOP / "build/dev/tests/recorded_pairs"
MARK = re.compile(rb"ApBench:(.{8})", re.S)
ROLES = ("coach", "coachee")
WINDOW = ("sent", "received", "dropped_here", "p50_us", "p99_us", "p999_us", "worst_us", "late_us")
SETTLE = 2.5  # seconds after a change of all calls, before they are measured again
LINGER = 0.3  # after a withdrawal's answer: what might still be written is written by then
PAUSE = 0.05  # between one person's word and the next: they do not all speak at once


class Generator:
    """One recorded_pairs process."""

    def __init__(self):
        self.process = subprocess.Popen([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n", "recorded_pairs did not start"

    def ask(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        return self.line()

    def line(self):
        return self.process.stdout.readline().split()[1:]

    def join(self, party, name):
        _, ufrag, pwd, fingerprint = self.ask("make", name)
        answer = party.call("POST", "/v1/media", offer(ufrag, pwd, fingerprint), media="application/sdp")
        assert answer.status == 201, answer
        far_ufrag, far_pwd, port, _ = [re.search(pattern, answer.body.decode(), re.I)[1] for pattern in ANSWERED]
        self.process.stdin.write(f"dial {name} {far_ufrag} {far_pwd} {port}\n")

    def stop(self):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


class Keeper:
    """Links to every file of the recording under way, as soon as it is there: what the erasure takes away stays readable."""

    def __init__(self, instance, session, shares, leaf_hashes):
        recordings = instance.platform("GET", f"/v1/sessions/{session}").json["recordings"]
        self.id = next(one["id"] for one in recordings if one["state"] == "recording")
        self.folder = instance.place / "kept" / self.id
        self.source = instance.home / "recordings" / self.id
        shares = [*shares, identity.vault_share(instance.home, session, self.id, leaf_hashes)]
        for role in ROLES:
            (self.folder / role).mkdir(parents=True)
            (self.folder / f"{role}.key").write_text(identity.derive(shares, session, self.id, leaf_hashes, role) + "\n")
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._link()
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def _run(self):
        while not self.over.wait(0.003):
            self._link()

    def _link(self):
        for role in ROLES:
            with contextlib.suppress(FileNotFoundError):
                for file in os.scandir(self.source / role):
                    with contextlib.suppress(FileNotFoundError, FileExistsError):
                        os.link(file.path, self.folder / role / str(file.inode()))

    def times(self):
        """When each frame of both tracks was sent, s. A file that was cut off is read as far as it goes."""
        found = []
        for role in ROLES:
            for file in (self.folder / role).iterdir():
                plain = subprocess.run(["age", "--decrypt", "-i", self.folder / f"{role}.key", file], capture_output=True).stdout
                found += [struct.unpack(">Q", stamp)[0] / 1e9 for stamp in MARK.findall(plain)]
        return sorted(found)


class Pair:
    def __init__(self, instance, generator, number):
        self.session, *self.parties = instance.session(reference=f"bench-{number}")
        for party in self.parties:
            generator.join(party, f"{party.role}{number}")
        self.instance = instance
        self.given, self.withdrawn = [], []  # when the word that counts was answered, each time; CLOCK_REALTIME, s
        self.kept = []  # of each time
        self.missing, self.shares, self.leaf_hashes = [0, 1], [None, None], [None, None]  # who has not consented; by person

    def give(self):
        while self.missing:
            who = self.missing.pop(0)
            party, self.shares[who] = self.parties[who], os.urandom(32)
            committed = fmt.b64u(fmt.commitment(self.session, party.role, self.shares[who]))
            answer = party.consent(party.give(("recording",), share=self.shares[who], share_commitment=committed))
            assert answer.status == 201, answer
            self.leaf_hashes[who] = fmt.leaf_hash(fmt.unb64u(answer.json["leaf"]))
        self.given.append(time.time())

    def withdraw(self):
        with Keeper(self.instance, self.session, self.shares, self.leaf_hashes) as kept:
            self.say_no()
            time.sleep(LINGER)
        self.kept.append(kept)

    def say_no(self):
        who = len(self.withdrawn) % 2
        answer = self.parties[who].consent(self.parties[who].decide())
        self.withdrawn.append(time.time())
        assert answer.status == 201, answer
        self.missing = [who]

    def state(self):
        return self.parties[0].gate()["state"]


class Calls:
    """A running instance and its calls; all that is measured is asked of here."""

    def __init__(self, pairs):
        self.instance = client.Instance({"gateway.rate_per_minute": 1000000})
        self.generator = None
        try:
            self.generator = Generator()
            self.pairs = [Pair(self.instance, self.generator, n) for n in range(pairs)]
            client.until("all are connected", lambda: int(self.generator.ask("state")[2]) == 2 * pairs, 60)
            self.rate = 2 * float(self.generator.ask("go")[0])
        except BaseException:
            self.stop()
            raise

    def stop(self):
        if self.generator:
            self.generator.stop()
        self.instance.stop()

    def window(self, seconds):
        """One measured stretch of all calls: the generator's figures and who used the processors."""
        family = processes.Family(self.instance, self.generator.process.pid)
        assert self.generator.ask("window", seconds) == []
        before, begun = family.look(), time.monotonic()
        self.generator.line()
        used, lasted = family.look() - before, time.monotonic() - begun
        figures = dict(zip(WINDOW, map(int, self.generator.line())))
        figures["lost"] = figures["sent"] - figures["received"]
        figures["gateway_ns_packet"] = used.gateway * 1e9 / figures["received"]
        figures["captures_percent"] = used.captures / lasted * 100
        figures["vault_percent"] = used.vault / lasted * 100
        figures["generator_percent"] = used.generator / lasted * 100
        figures["others_percent"] = (used.all - used.known()) / lasted * 100
        figures["packets_a_second"] = figures["sent"] / lasted
        return figures

    def everyone(self, word, wanted):
        for pair in self.pairs:
            word(pair)
            time.sleep(PAUSE)
        client.until(f"all gates are {wanted}", lambda: all(pair.state() == wanted for pair in self.pairs), 30)
        time.sleep(SETTLE)

    def round(self, seconds):
        """Not recorded, recorded, not recorded."""
        before = self.window(seconds)
        self.everyone(Pair.give, "open")
        during = self.window(seconds)
        during["capture_kib"] = processes.capture_memory(self.instance)
        during["capture_threads"] = processes.capture_threads(self.instance)
        self.everyone(Pair.withdraw, "closed")
        return {"before": before, "during": during, "after": self.window(seconds)}


def proofs_of(pair):
    """For each time this pair was recorded: how long after the second consent's answer the first frame of it was sent, how many
    frames it holds, how many of those were sent after the withdrawal was answered, and how long before it the last one was."""
    found = []
    for given, withdrawn, kept in zip(pair.given, pair.withdrawn, pair.kept):
        frames = kept.times()
        if frames:
            found.append({"first_ms": (frames[0] - given) * 1000, "frames": len(frames),
                          "after": sum(at > withdrawn for at in frames), "last_ms": (frames[-1] - withdrawn) * 1000})
    return found


def measure(pairs, rounds, seconds, proofs, say=print):
    """All of it; see summary() for what is made of it."""
    with contextlib.closing(_Closing(Calls(pairs))) as holder:
        calls = holder.calls
        time.sleep(SETTLE)
        done = []
        for number in range(rounds):
            done.append(calls.round(seconds))
            say(f"recording      {pairs:4} pairs, round {number + 1}: " + describe(done[-1]), flush=True)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            found = sum(pool.map(proofs_of, calls.pairs[:proofs]), [])
        return summary({"pairs": pairs, "packets_a_second_pair": calls.rate, "rounds": done, "proofs": found})


def describe(one):
    quiet, during = one["before"], one["during"]
    return (f"{quiet['gateway_ns_packet']:.0f} ns a packet, recorded {during['gateway_ns_packet']:.0f}; "
            f"p99 {quiet['p99_us']} / {during['p99_us']} us; {during['lost']} lost; "
            f"captures {during['captures_percent']:.0f} % of a core; others {during['others_percent']:.0f} %")


class _Closing:
    def __init__(self, calls):
        self.calls = calls

    def close(self):
        self.calls.stop()


def summary(raw):
    """One figure each, from rounds that other work did not disturb; the unrecorded side is the mean of before and after."""
    rounds = raw["rounds"]
    used, quiet = noise.usable(rounds, lambda one: all(map(noise.is_quiet, one.values())))
    middle = statistics.median

    def unrecorded(one, field):
        return (one["before"][field] + one["after"][field]) / 2

    kib = [value for one in used for value in one["during"]["capture_kib"]]
    proofs = raw["proofs"]
    capture_us = middle([one["during"]["captures_percent"] * 1e4 / one["during"]["packets_a_second"] for one in used])
    return {
        "pairs": raw["pairs"], "packets_a_second_pair": raw["packets_a_second_pair"], "runs": len(rounds), "quiet": quiet,
        "sent_recorded": sum(one["during"]["sent"] for one in used), "lost_recorded": sum(one["during"]["lost"] for one in used),
        "lost_unrecorded": sum(one["before"]["lost"] + one["after"]["lost"] for one in used),
        "ns_unrecorded": middle([unrecorded(one, "gateway_ns_packet") for one in used]),
        "ns_recorded": middle([one["during"]["gateway_ns_packet"] for one in used]),
        "cost_ratio": middle([one["during"]["gateway_ns_packet"] / unrecorded(one, "gateway_ns_packet") for one in used]),
        "p50_unrecorded_us": middle([unrecorded(one, "p50_us") for one in used]),
        "p50_recorded_us": middle([one["during"]["p50_us"] for one in used]),
        "p99_unrecorded_us": middle([unrecorded(one, "p99_us") for one in used]),
        "p99_recorded_us": middle([one["during"]["p99_us"] for one in used]),
        "p99_ratio": middle([one["during"]["p99_us"] / max(1, unrecorded(one, "p99_us")) for one in used]),
        "capture_us_packet": capture_us, "capture_percent_600": capture_us * 600 / 1e4,
        "capture_kib_median": middle(kib) if kib else None, "capture_kib_worst": max(kib, default=None),
        "capture_threads": max((count for one in used for count in one["during"]["capture_threads"]), default=None),
        "vault_percent": middle([one["during"]["vault_percent"] for one in used]),
        "proofs": len(proofs), "proof_frames": sum(one["frames"] for one in proofs),
        "first_ms_median": middle([one["first_ms"] for one in proofs]) if proofs else None,
        "first_ms_worst": max((one["first_ms"] for one in proofs), default=None),
        "after_withdrawal": sum(one["after"] for one in proofs) if proofs else None,
        "last_ms_latest": max((one["last_ms"] for one in proofs), default=None),
    }
