#!/usr/bin/python3
"""The log of a running instance before outsiders (R6): a witness of another language sees it grow and signs it, receipts and
checkpoints carry that, all of it is verified offline, and a log that was put back is found out.

    APARTE_BIN=build/dev/bin witness.py
"""
import json
import pathlib
import shutil
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/testlib"))
import aparte_client as client  # noqa: E402
import aparte_format as fmt  # noqa: E402
from witness import Witness  # noqa: E402


class World:
    """An instance with two witnesses; the second is mostly away."""

    def __init__(self):
        ports = client._free_ports(10)
        self.one, self.two = Witness("witness.example/one", ports + 7), Witness("witness.example/two", ports + 8)
        self.two.mood = "hang"
        config = {"witness.list": f"{self.one.vkey} {self.one.url}/; {self.two.vkey} {self.two.url}", "witness.quorum": 1,
                  "witness.interval_seconds": 1, "witness.allow_http": "true", "gateway.rate_per_minute": 100000}
        self.instance = client.Instance(config, lambda instance: None)
        self.vkey = self.instance.cli("ledger", "key").strip()
        self.place, self.server = self.instance.place, None
        for witness in (self.one, self.two):
            witness.trust(self.vkey)

    def stop(self):
        for witness in (self.one, self.two):
            witness.stop()
        if self.server and self.server.poll() is None:
            halt(self)
        self.instance.stop()

    def size(self):
        return int(self.instance.gateway_call("GET", "/v1/ledger/checkpoint").body.decode().split("\n")[1])

    def seen(self):
        """The first witness has signed all there is, and we have its signature."""
        def told():
            return self.instance.gateway_call("GET", "/v1/ledger/witnesses").json["witnesses"][0]
        client.until("the witness signed it all", lambda: told()["size"] == self.one.size_of(self.vkey) == self.size(), 30)

    def doctor(self, check):
        return {row["check"]: row for row in self.instance.admin_call("GET", "/v1/doctor").json["checks"]}[check]

    def file(self, name, text):
        path = self.place / name
        path.write_text(text)
        return str(path)

    def fails(self, *arguments):
        done = subprocess.run([self.instance.bin / "aparte", *arguments], env=self.instance.env, capture_output=True, text=True,
                              timeout=60)
        assert done.returncode == 1, f"aparte {' '.join(arguments)} ended with {done.returncode}: {done.stdout}{done.stderr}"
        return done.stderr

    def offline(self, *arguments):
        return json.loads(self.instance.cli("ledger", "verify", *arguments, "--vkey", self.vkey, "--json"))


def anyone_is_told_who_witnesses(w):
    w.seen()
    for answer in (w.instance.gateway_call("GET", "/v1/ledger/witnesses"), w.instance.vault_call("GET", "/v1/ledger/witnesses")):
        assert answer.status == 200, answer
        rows = answer.json["witnesses"]
        assert [(row["name"], row["key"]) for row in rows] == [(one.name, one.vkey) for one in (w.one, w.two)], rows
        assert rows[0]["size"] > 0 and rows[0]["at"] and "at" not in rows[1], rows
    listed = w.instance.cli("ledger", "witnesses")
    assert "witness.example/one" in listed and "witness.example/two" in listed, listed
    assert w.doctor("witnesses")["state"] == "good", w.doctor("witnesses")
    metrics = w.instance.vault_call("GET", "/metrics").body.decode()
    assert "aparte_witnesses_fresh 1\n" in metrics and "aparte_witnesses_doubting 0\n" in metrics, metrics


def r6_checkpoints_and_receipts_carry_cosignatures(w):
    w.seen()
    session, coach, _ = w.instance.session()
    begun = time.monotonic()
    given = coach.consent(coach.give())
    assert given.status == 201, given
    assert time.monotonic() - begun < 5, "a consent waited for the witness that hangs"
    fmt.check_receipt(given.json, w.vkey)
    w.seen()
    note = w.instance.gateway_call("GET", "/v1/ledger/cosigned").body.decode()
    fmt.check_checkpoint(note, w.vkey)
    assert note.count("— witness.example/one ") == 1 and "witness.example/two" not in note, note
    later = client.until("a receipt under a cosigned checkpoint", lambda: cosigned_receipt(coach), 10)
    fmt.check_receipt(later, w.vkey)
    path = w.file("receipt.json", json.dumps(later))
    told = w.offline("--receipt", path, "--witness", w.one.vkey)
    assert told["leaf_index"] == given.json["leaf_index"], told
    assert "0 of the 1" in w.fails("ledger", "verify", "--receipt", path, "--vkey", w.vkey, "--witness", w.two.vkey)
    assert "1 of the 2" in w.fails("ledger", "verify", "--receipt", path, "--vkey", w.vkey, "--witness", w.one.vkey, "--witness",
                                   w.two.vkey)
    w.offline("--receipt", path, "--witness", w.one.vkey, "--witness", w.two.vkey, "--quorum", "1")
    w.session, w.coach, w.receipt = session, coach, path


def cosigned_receipt(party):
    rows = party.call("GET", "/v1/party/receipts").json["receipts"]
    found = [row for row in rows if "witness.example/one" in row["checkpoint"]]
    return found[-1] if found else None


def r6_the_whole_log_verifies_offline(w):
    saved = w.place / "log.saved"
    first = json.loads(w.instance.cli("ledger", "save", str(saved), "--json"))
    kept = w.file("kept.checkpoint", w.instance.cli("ledger", "checkpoint"))
    w.instance.session()
    w.instance.session()
    assert w.coach.consent(w.coach.decide("ConsentWithdrawn")).status == 201
    more = json.loads(w.instance.cli("ledger", "save", str(saved), "--json", "--url", f"http://127.0.0.1:{w.instance.port}"))
    assert more["tree_size"] > first["tree_size"] and more["continues"] == first["tree_size"], more
    told = w.offline("--log", str(saved), "--older", kept)
    assert told["valid"] and told["tree_size"] == more["tree_size"] and told["continues"] == first["tree_size"], told
    w.offline("--log", str(saved), "--older", w.receipt)
    spoilt = w.place / "log.spoilt"
    data = bytearray(saved.read_bytes())
    data[-100] ^= 1
    spoilt.write_bytes(data)
    assert "another root" in w.fails("ledger", "verify", "--log", str(spoilt), "--vkey", w.vkey)
    before = spoilt.read_bytes()
    assert "another root" in w.fails("ledger", "save", str(spoilt)) and spoilt.read_bytes() == before
    w.saved, w.kept = saved, kept


def r6_two_checkpoints_are_joined_offline(w):
    proof = w.file("proof.json", w.instance.cli("ledger", "consistency", "--older", w.kept))
    told = w.offline("--consistency", proof, "--older", w.kept)
    assert told["continues"] < told["tree_size"], told
    w.offline("--consistency", w.file("proof2.json", w.instance.cli("ledger", "consistency", "--older", w.receipt)))
    other = json.loads(pathlib.Path(proof).read_text())
    other["hashes"] = other["hashes"][:-1]
    assert w.fails("ledger", "verify", "--consistency", w.file("bad.json", json.dumps(other)), "--vkey", w.vkey)
    newest = w.file("newest.checkpoint", w.instance.cli("ledger", "checkpoint"))
    assert "another checkpoint" in w.fails("ledger", "verify", "--consistency", proof, "--older", newest, "--vkey", w.vkey)


def unfair_answers_stop_nothing(w):
    """Forged, endless: trouble for the doctor, no doubt, and what persons do goes on at once. (More: unit/cosignature.)"""
    for mood in ("forge", "huge"):
        w.one.mood, asked = mood, w.one.asked
        _, coach, coachee = w.instance.session()
        begun = time.monotonic()
        assert coach.consent(coach.give()).status == 201
        assert coachee.consent(coachee.decide("ConsentRefused")).status == 201
        assert time.monotonic() - begun < 5, mood
        client.until(f"asked while {mood}", lambda: w.one.asked > asked, 40)
        assert w.doctor("log")["state"] == "good", w.doctor("log")
        assert "ledger" not in coach.gate()["reasons"], coach.gate()
        w.one.mood = "fair"
        w.seen()


def a_witness_that_knows_more_closes_gates_but_not_the_call(w):
    """It lies, and is believed as far as recording goes; withdrawals are taken; it ends when it signs again."""
    _, coach, coachee = w.instance.session()
    assert coach.consent(coach.give()).status == 201
    w.one.mood = "ahead"
    client.until("the gate says ledger", lambda: "ledger" in coach.gate()["reasons"], 15)
    assert w.doctor("log")["state"] == "bad" and "witness" in w.doctor("log")["detail"], w.doctor("log")
    assert w.doctor("witnesses")["state"] == "bad", w.doctor("witnesses")
    refused = coachee.consent(coachee.give())
    assert refused.status >= 500, refused
    assert w.instance.gateway_call("GET", "/v1/ledger/checkpoint").status >= 500
    withdrawn = coach.consent(coach.decide("ConsentWithdrawn"))
    assert withdrawn.status == 201, withdrawn
    assert coach.me()["consents"].get("recording") != "ConsentGiven", coach.me()
    w.one.mood = "fair"
    client.until("the doubt is over", lambda: w.doctor("log")["state"] == "good", 30)
    client.until("the gate says so", lambda: "ledger" not in coach.gate()["reasons"], 10)
    w.seen()


def grow(w, times):
    for _ in range(times):
        _, coach, _ = w.instance.session()
        assert coach.consent(coach.give()).status == 201


def r6_a_log_that_was_put_back_and_went_on_is_found_out(w):
    """Its signatures are good and it is longer than what the witness saw; but it is another."""
    vault, copy, true = w.instance.home / "vault", w.place / "fork.copy", w.place / "fork.true"
    w.instance.cli("serve", "--stop")
    shutil.copytree(vault, copy)
    serve(w)
    grow(w, 2)
    w.seen()
    trunk = str(w.place / "trunk.saved")
    w.instance.cli("ledger", "save", trunk)
    w.instance.cli("serve", "--stop")
    shutil.copytree(vault, true)
    w.one.mood = w.two.mood = "error"
    put_back(vault, copy)
    serve(w)
    grow(w, 4)
    assert w.size() > w.one.size_of(w.vkey)
    before = pathlib.Path(trunk).read_bytes()
    assert "rewritten or forked" in w.fails("ledger", "save", trunk)
    other = list(w.place.glob("trunk.saved.other-*"))
    assert len(other) == 1 and pathlib.Path(trunk).read_bytes() == before, other
    w.offline("--log", str(other[0]))  # both are signed: that is the proof
    w.one.mood = "fair"
    client.until("the gate says ledger", lambda: "ledger" in w.coach.gate()["reasons"], 30)
    assert w.doctor("witnesses")["state"] == "bad", w.doctor("witnesses")
    w.instance.cli("serve", "--stop")
    put_back(vault, true)
    serve(w)
    w.seen()


def r6_start_up_refuses_to_serve_from_a_log_behind_a_checkpoint_known_elsewhere(w):
    """Everything of the instance is put back, its own memory of checkpoints too: only the witness knows."""
    home, copy = w.instance.home, w.place / "vault.copy"
    w.instance.cli("serve", "--stop")
    shutil.copytree(home / "vault", copy, symlinks=True)
    serve(w)
    grow(w, 2)
    w.seen()
    w.instance.cli("serve", "--stop")
    newer = w.place / "vault.newer"
    subprocess.run(["cp", "-a", home / "vault", newer], check=True)
    put_back(home / "vault", copy)
    serve_unready(w)
    client.until("the log is refused", lambda: w.doctor("witnesses")["state"] == "bad", 20)
    assert w.doctor("log")["state"] == "bad" and not w.instance.vault_ready()
    assert "ledger" in w.coach.gate()["reasons"], w.coach.gate()
    # It is kept: the next start does not even begin to serve from it.
    halt(w)
    w.one.mood = "hang"
    serve_unready(w)
    assert not w.instance.vault_ready() and w.doctor("log")["state"] == "bad"
    assert "ledger" in client.until("a gate", lambda: (w.coach.me() or {}).get("gate"), 10)["reasons"]
    # The newer copy is found again: all is well, also with a witness that hangs.
    halt(w)
    put_back(home / "vault", newer)
    serve(w)
    assert w.doctor("log")["state"] == "good"


def put_back(vault, copy):
    """By the operator's hand: each file's bytes, owners as they are."""
    for path in vault.iterdir():
        if path.is_file() and not (copy / path.name).exists():
            path.unlink()
    for path in copy.iterdir():
        if path.is_file():
            (vault / path.name).write_bytes(path.read_bytes())


def serve(w):
    w.instance.cli("serve", "--detach")
    client.until("the vault answers", lambda: answers(w), 20)


def serve_unready(w):
    """In the foreground, as it does not become ready; ended by halt()."""
    with open(w.place / "foreground.log", "w", encoding="utf-8") as log:
        w.server = subprocess.Popen([w.instance.bin / "aparte", "serve"], env=w.instance.env, stdout=log, stderr=log)
    client.until("the vault answers", lambda: answers(w), 20)


def halt(w):
    w.server.terminate()
    w.server.wait(30)


def answers(w):
    try:
        return w.instance.vault_call("GET", "/healthz").status == 200
    except OSError:
        return False


def main():
    w = World()
    try:
        for test in (anyone_is_told_who_witnesses, r6_checkpoints_and_receipts_carry_cosignatures,
                     r6_the_whole_log_verifies_offline, r6_two_checkpoints_are_joined_offline, unfair_answers_stop_nothing,
                     a_witness_that_knows_more_closes_gates_but_not_the_call,
                     r6_a_log_that_was_put_back_and_went_on_is_found_out,
                     r6_start_up_refuses_to_serve_from_a_log_behind_a_checkpoint_known_elsewhere):
            begun = time.monotonic()
            test(w)
            print(test.__name__, "ok", f"{time.monotonic() - begun:.1f} s", flush=True)
    finally:
        w.stop()


if __name__ == "__main__":
    main()
