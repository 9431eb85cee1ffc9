"""Day 0: an instance, its admins, two regions, three policies, the tenants, and who hears of what."""
import json

import aparte_client as client
from story import ADMINS, PASSPHRASES

REGIONS = [
    {"name": "eu-fr", "kind": "region", "reason": "The hosting contract's place.", "storage": "eu-fr",
     "purposes": {"ai_training": {"off": True, "reason": "Not here."}}},
    {"name": "eu-strict", "kind": "region", "reason": "The authority's shorter periods.",
     "purposes": {"recording": {"days": 14, "reason": "Two weeks."}, "supervision": {"months": 3, "reason": "A term."}},
     "protected": {"days": 10, "four_eyes": True, "reason": "Persons at risk."}},
    {"name": "overseas", "kind": "region", "reason": "Another continent's disks.", "storage": "elsewhere"},
]
SHORT = {"name": "short", "kind": "policy", "reason": "A pilot that looks back once.",
         "purposes": {"recording": {"days": 7, "reason": "The next session."},
                      "supervision": {"days": 20, "archive_after": {"days": 12}, "reason": "One meeting of the team."}},
         "protected": {"days": 3, "four_eyes": True, "reason": "At risk."},
         "access_log": {"months": 12, "reason": "A year."}, "consent_proof_days": 1826, "request_days": 20}
TENANTS = {"nord": ("default", "eu-fr"), "sud": ("supervised-programme", "eu-strict"), "ouest": ("default", "overseas")}
STAFF = {"s1": {"role": "supervisor"}, "c1": {"role": "coach", "tenant": "nord", "party_id": "coach-nord-a12"},
         "h1": {"role": "sponsor", "tenant": "nord"}, "a3": {"role": "auditor"}}


def documents(story):
    """R16, R17, R27: as an admin sets them; the model has the same."""
    shipped = [json.loads((client.TOP / f"config/policies/{name}.json").read_text()) for name in ("default", "supervised-programme")]
    for document in [*shipped, SHORT, *REGIONS]:
        if document["name"] != "default":  # that one is there from the first start
            path = story.place / f"{document['name']}.json"
            path.write_text(json.dumps(document))
            seen = story.cli("policy", "preview", document["name"], path, "--json", "--admin", "admin")
            assert (seen["total"], seen["at_once"]) == (0, 0), seen
            story.cli("policy", "set", document["name"], path, "--admin", "admin")
        story.programme.set_document(document)
    told = story.admin("GET", "/v1/policies/default")["document"]
    assert told == shipped[0], "what is in force is what is shipped"


def tenants(story):
    """R26, R27, R41: who answers for them, which rules bind them, how they are told."""
    for name, (policy, region) in TENANTS.items():
        story.cli("tenant", "add", name)
        story.keys[name] = story.cli("tenant", "key", name).strip()
        story.secrets.append(story.keys[name])
        rules = {"policy": policy, "region": region}
        assert story.admin("POST", f"/v1/tenants/{name}/rules/preview", rules)["total"] == 0
        story.admin("PUT", f"/v1/tenants/{name}/rules", rules)
        story.programme.set_tenant(name, **rules)
        answer = story.platform(name, "PUT", "/v1/webhooks/programme", {"url": story.listener.url(name), "events": ["*"]})
        assert answer.status == 200, answer
        story.listener.expect(name, answer.json["secret"])
        story.secrets.append(answer.json["secret"])
    story.cli("tenant", "set", "nord", "--capacity", "processor", "--controller", "Nord SAS", "--contact", "dpo@nord.example",
              "--agreement", "DPA-7", "--admin", "admin")


def acknowledge(story, staff):
    """R13: the code in force, with its quiz where a policy of the user's tenants sets one."""
    code = staff.call("GET", "/v1/conduct?lang=en").json
    body = {"version": code["version"], "sha256": code["sha256"]}
    if code["questions"]:
        shipped = json.loads((client.TOP / "config/conduct/en.json").read_text())
        body["answers"] = [question["right"] for question in shipped["questions"]]
        wrong = staff.call("POST", "/v1/conduct/acknowledgements", {**body, "answers": [n + 1 for n in body["answers"]]})
        assert wrong.error == "invalid", wrong
    answer = staff.call("POST", "/v1/conduct/acknowledgements", body)
    assert answer.status == 201, answer


def people(story):
    """R11, R13, R28: staff with two factors, who read the code of conduct; two admins who could lift a lockdown."""
    story.staff_users.update({name: story.instance.demo[name] for name in ADMINS})
    for name, more in STAFF.items():
        story.staff_users[name] = story.admin("POST", "/v1/users", {"user": name, **more})
        if more["role"] != "auditor":
            acknowledge(story, story.staff(name))
    for admin, words in PASSPHRASES.items():
        story.cli("lockdown", "enrol", "--admin", admin, "--passphrase-fd", "0", words=words + "\n")
    story.secrets += [*PASSPHRASES.values(), *(user[part] for user in story.staff_users.values() for part in ("password", "totp_secret"))]


def chapter(story):
    documents(story)
    tenants(story)
    people(story)
    story.kept["vkey"] = story.instance.vault_call("GET", "/v1/ledger/key").body.decode().strip()
    story.kept["first checkpoint"] = story.instance.vault_call("GET", "/v1/ledger/checkpoint").body.decode()
    story.witness.trust(story.kept["vkey"])
    story.witnessed()
    bad = [check for check in story.cli("doctor", "--json", "--admin", "admin")["checks"] if check["state"] == "bad"]
    assert not bad, bad
