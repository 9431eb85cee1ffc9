#!/usr/bin/python3
"""What the operator answers for, by the command line of a running instance, and what persons are shown of it.

    APARTE_BIN=build/dev/bin account.py
"""
import csv
import io
import json
import pathlib
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/testlib"))
from aparte_client import Instance  # noqa: E402

ADMIN = ("--admin", "admin")


def r37_a_give_names_the_notice_with_the_new_recipient(instance):
    """R25, R37: announced, it stands in the notice; a give under the notice before is refused, one under the new is taken."""
    _, coach, _ = instance.session()
    before = coach.notice("fr")
    old = coach.give(["supervision"])
    number = instance.cli("recipient", "add", "Mail GmbH", "--role", "sub_processor", "--place", "Bonn", "--purpose", "mail",
                          "--since", "2199-01-02T00:00:00Z", *ADMIN).strip()
    after = coach.notice("fr")
    assert after["sha256"] != before["sha256"] and after["version"] != before["version"], after
    assert "Mail GmbH (sous-traitant ultérieur, Bonn): mail, à partir du 2199-01-02" in after["recipients"], after
    refused = coach.consent(old)
    assert refused.status >= 400 and refused.error == "statement-notice", refused
    taken = coach.consent(coach.give(["supervision"]))
    assert taken.status == 201, taken
    instance.cli("recipient", "end", number, *ADMIN)
    listed = json.loads(instance.cli("recipient", "list", "--json", *ADMIN))["recipients"]
    assert [r["name"] for r in listed] == ["Mail GmbH"] and "ended" in listed[0], listed


def r26_the_notice_names_the_tenants_controller(instance):
    """R26: a tenant whose processor the operator is."""
    instance.cli("tenant", "set", "demo", "--capacity", "processor", "--controller", "Acme SAS", "--contact", "dpo@acme.example",
                 "--agreement", "DPA-2026-7", *ADMIN)
    _, coach, _ = instance.session()
    assert coach.notice()["controller"] == {"name": "Acme SAS", "contact": "dpo@acme.example"}, coach.notice()


def r24_the_register_is_printed(instance):
    """R24: French and English, Markdown and CSV, of the same facts."""
    instance.cli("recipient", "add", "Hébergeur", "--role", "processor", "--place", "Lyon", "--purpose", "hébergement", *ADMIN)
    french = instance.cli("register", "--lang", "fr", *ADMIN)
    assert "# Registre des activités de traitement" in french and "| 30 jours |" in french and "DPA-2026-7" in french, french
    rows = list(csv.DictReader(io.StringIO(instance.cli("register", "--lang", "en", "--format", "csv", *ADMIN), newline="")))
    recorded = [row for row in rows if row["Tenant"] == "demo" and row["Activity"] == "Record the session"]
    assert len(recorded) == 1 and recorded[0]["Kept at most"] == "30 days", rows
    assert recorded[0]["Controller"] == "Acme SAS" and "Hébergeur (processor, Lyon)" in recorded[0]["Recipients and processors"], rows
    facts = json.loads(instance.cli("register", "--json", *ADMIN))
    assert len(rows) == sum(len(tenant["activities"]) for tenant in facts["tenants"]), facts
    assert json.loads(instance.cli("register", "disclosures", "--json", *ADMIN)) == {"disclosures": []}


def r35_the_doctor_says_what_is_to_be_set(instance):
    """R35: on loopback it may wait; told all the same."""
    checks = {check["check"]: check for check in json.loads(instance.cli("doctor", "--json", *ADMIN))["checks"]}
    assert checks["operator"]["state"] == "good" and "before recording off loopback" in checks["operator"]["detail"], checks


def main():
    instance = Instance()
    try:
        for test in (r37_a_give_names_the_notice_with_the_new_recipient, r26_the_notice_names_the_tenants_controller,
                     r24_the_register_is_printed, r35_the_doctor_says_what_is_to_be_set):
            test(instance)
            print(test.__name__, "ok")
    finally:
        instance.stop()


if __name__ == "__main__":
    main()
