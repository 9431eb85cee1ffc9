#!/usr/bin/python3
"""Random disk faults under a recorded call, from a seed: whatever the disk does, the call loses nothing, withdrawals are
answered, nothing damaged is played, and when the disk is good again the log verifies and all is sealed or erased.

    APARTE_TEST_SEED=N APARTE_TORTURE_SECONDS=S storage_torture.py     (absent: a random seed; a few rounds)
"""
import hashlib
import os
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "testlib"))
import aparte_client as client  # noqa: E402
import bad_disk  # noqa: E402

ROUNDS = 2
OPERATIONS = ["write", "fsync", "open", "create", "unlink", "rename", "fsyncdir", "read", "statfs", "truncate"]
PLACES = ["recordings/*", "vault/vault.db*", "vault/keys.db*", "vault/*", "*"]


def some_rules(dice):
    """One to four faults, now and then on every call, else at random."""
    rules = []
    for _ in range(dice.randint(1, 4)):
        what, where = dice.choice(OPERATIONS), dice.choice(PLACES)
        often = dice.choice(["", " one-in=2", " one-in=7", " one-in=50", " times=1", " after=20 times=3"])
        how = dice.choice(["errno=EIO", "errno=EIO", "errno=ENOSPC", "errno=EROFS", "delay=300", "delay=1500", "short"])
        rules.append(f"{what} {where} {how}{often}")
    return rules


def plays_or_says_why(instance, supervisor, recording):
    """Each track that is played is played whole, and the same twice; what is not is a problem with a name."""
    granted = instance.admin_call("POST", "/v1/grants", {"recording": recording, "supervisor": "supervisor",
                                                         "purpose": "supervision", "expires": client.now(3600)})
    assert granted.status == 201, granted
    access = supervisor.call("POST", f"/v1/recordings/{recording}/accesses", {"purpose": "supervision", "reason": "torture"})
    assert access.status == 201, access
    for role in bad_disk.ROLES:
        path = f"/v1/recordings/{recording}/tracks/{role}?access={access.json['id']}"
        answers = [supervisor.call("GET", path) for _ in range(2)]
        assert answers[0].status in (200, 500), answers[0]
        assert answers[0].status == 200 or answers[0].error == "segment-altered", answers[0]
        # The disk never altered a byte, so nothing may be taken for altered.
        assert answers[0].status == 200, f"{role}: {answers[0]}"
        assert len({hashlib.sha256(answer.body).digest() for answer in answers}) == 1


def one_round(dice, disk, call):
    rules = some_rules(dice)
    print("  ", "; ".join(rules), flush=True)
    withdraws = dice.random() < 0.4
    party = dice.choice(call.parties)
    body = party.decide()
    with call.unharmed():
        with disk.failing(*rules):
            time.sleep(dice.uniform(1, 5))
            if withdraws:
                answer = party.consent(body)
                slow = answer.status == 503 and "Nothing is being recorded" in answer.json["detail"]
                assert answer.status == 201 or slow, answer  # the gateway waited for the vault long enough
                for events in call.events:  # asking could meet the disk
                    client.until("closed is told", lambda events=events: events.of("gate")[-1]["state"] == "closed", 3)
    if withdraws and slow:
        assert party.consent(party.decide()).status == 201, "the page sends it again"
    if withdraws:
        client.until("the withdrawal stands", lambda: party.me()["consents"]["recording"] == "ConsentWithdrawn", 30)
        client.until("the give is taken", lambda: party.consent(party.give(("recording", "supervision"))).status == 201, 30, 1)
    call.open(60)
    call.under_way(2)


def main():
    seed = int(os.environ.get("APARTE_TEST_SEED") or random.SystemRandom().getrandbits(63))
    seconds = float(os.environ.get("APARTE_TORTURE_SECONDS") or 0)
    print(f"APARTE_TEST_SEED={seed}", flush=True)
    dice, disk = random.Random(seed), bad_disk.Disk(seed)
    instance = client.Instance({"gateway.rate_per_minute": 100000, "storage.floor_mib": 0}, disk)
    rounds = 0
    try:
        call = bad_disk.Call(instance)
        call.under_way()
        end = time.monotonic() + seconds
        while time.monotonic() < end if seconds else rounds < ROUNDS:
            one_round(dice, disk, call)
            rounds += 1
        call.end()
        client.until("all is sealed or erased", lambda: {r["state"] for r in call.recordings()} <= {"sealed", "erased"}, 60)
        call.close()
        supervisor = bad_disk.supervisor(instance)
        for recording in [r["id"] for r in call.recordings() if r["state"] == "sealed"][-20:]:
            plays_or_says_why(instance, supervisor, recording)
        verified = bad_disk.run(instance, "ledger", "verify")
        assert verified.returncode == 0, verified.stdout + verified.stderr
    except BaseException:
        disk.rules()
        print(instance.log()[-6000:], flush=True)
        print(f"{rounds} passed, 1 failed (APARTE_TEST_SEED={seed})", flush=True)
        raise
    finally:
        instance.stop()
        disk.stop()
    print(f"{rounds} passed, 0 failed")


if __name__ == "__main__":
    bad_disk.own_mounts()
    main()
