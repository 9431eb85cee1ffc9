#!/usr/bin/python3
"""R40 in a running instance: a session's consents go to the archive at its end, two admins open them, and after five years
nothing is left but the log, which verifies.

    APARTE_BIN=build/dev/bin proof.py
"""
import json
import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/testlib"))
from aparte_client import Instance, until  # noqa: E402

ADMIN = ("--admin", "admin")
YEARS_MS = 1827 * 86400000


def proofs(instance):
    return json.loads(instance.cli("proof", "list", "--json", *ADMIN))


def on_disk(instance, text):
    """Whether a database of the vault has these bytes."""
    return any(text.encode() in path.read_bytes() for path in (instance.home / "vault").glob("*.db*"))


def refused(instance, *arguments):
    done = subprocess.run([instance.bin / "aparte", *arguments], env=instance.env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, (arguments, done)
    return done.stderr


def r40_the_persons_words_go_to_the_archive(instance):
    """Their session ends: what they signed stands in no table any more; their receipt is as good as before."""
    session, coach, _ = instance.session(coach={"id": "c-unseen", "name": "Nadia Vermeil", "locale": "fr"})
    give = coach.give(["supervision"])
    answer = coach.consent(give)
    assert answer.status == 201, answer
    assert on_disk(instance, "Nadia Vermeil") and on_disk(instance, "c-unseen")
    assert instance.platform("DELETE", f"/v1/sessions/{session}").status == 204
    until("the archive to have it", lambda: any(row["session"] == session for row in proofs(instance)["proofs"]), 30)
    until("the name to be gone from the tables", lambda: not on_disk(instance, "Nadia Vermeil"), 30)
    receipts = coach.call("GET", "/v1/party/receipts").json["receipts"]
    assert len(receipts) == 1 and receipts[0]["leaf_index"] == answer.json["leaf_index"], receipts
    saved = instance.place / "receipt.json"
    saved.write_text(json.dumps(receipts[0]))
    key = instance.cli("ledger", "key").strip()
    instance.cli("ledger", "verify", "--receipt", str(saved), "--vkey", key)
    return session, saved, key


def r40_two_admins_open_it(instance, session):
    """One alone does not, and the opened paper has both persons' words with proofs of its own."""
    instance.cli("user", "add", "second", "--role", "admin", *ADMIN)
    proposed = json.loads(instance.cli("proof", "open", session, "--reason", "case 17", "--json", *ADMIN))["proposal"]
    assert "another admin" in refused(instance, "proof", "confirm", proposed, *ADMIN)
    paper = instance.place / "paper.json"
    instance.cli("proof", "confirm", proposed, "--to", str(paper), "--admin", "second")
    assert paper.stat().st_mode & 0o777 == 0o600
    opened = json.loads(paper.read_text())
    assert opened["session"] == session and opened["parties"][0]["name"] == "Nadia Vermeil", opened
    statement = json.loads(opened["consents"][0]["statement"])
    assert statement["pii_principal"] == "c-unseen" and opened["consents"][0]["notice"] in opened["notices"], opened
    assert "not" in refused(instance, "proof", "confirm", proposed, "--admin", "second")


def r40_after_five_years_nothing_links_them(instance, session, saved, key):
    (instance.home / "vault/test-clock").write_text(str(YEARS_MS))

    def gone():
        instance.cli("clock", "confirm", *ADMIN)
        return all(row["session"] != session for row in proofs(instance)["proofs"])
    until("the proof to be destroyed", gone, 60, 1)
    until("the tables to be rewritten", lambda: not on_disk(instance, "c-unseen"), 60, 1)
    assert not on_disk(instance, session)
    instance.cli("ledger", "verify")
    instance.cli("ledger", "verify", "--receipt", str(saved), "--vkey", key)


def main():
    instance = Instance({"retention.scan_seconds": 1, "access.review_days": 3650})  # nobody reviews while years pass
    try:
        session, saved, key = r40_the_persons_words_go_to_the_archive(instance)
        print("archived")
        r40_two_admins_open_it(instance, session)
        print("opened")
        r40_after_five_years_nothing_links_them(instance, session, saved, key)
        print("destroyed")
    finally:
        instance.stop()


if __name__ == "__main__":
    main()
