#!/usr/bin/python3
"""Answers of a running instance, gateway and vault with real media between, against docs/openapi.yaml: what is answered is
documented, and an object has no member that is not.

    APARTE_BIN=build/dev/bin openapi.py
"""
import json
import pathlib
import re
import sys
import time

import jsonschema
import yaml

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/testlib"))
from aparte_client import Instance, Peer, Staff, now, until  # noqa: E402

TEXT = (TOP / "docs/openapi.yaml").read_text()
SPEC = yaml.safe_load(TEXT)
PATHS = re.findall(r"^  (/\S*):$", TEXT, re.MULTILINE)
assert PATHS and len(PATHS) == len(set(PATHS)), "docs/openapi.yaml: a path stands twice, and a reader takes one of them"
NOTHING = "00000000-0000-4000-8000-000000000000"
FORMATS = jsonschema.FormatChecker(formats=["uuid"])


def resolve(node):
    """Schemas without $ref, closed where they name their members."""
    if isinstance(node, dict):
        if "$ref" in node:
            target = SPEC
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            return resolve(target)
        closed = {"additionalProperties": False} if "properties" in node and "type" in node and "title" not in node["properties"] else {}
        return {**closed, **{key: resolve(value) for key, value in node.items()}}
    return [resolve(value) for value in node] if isinstance(node, list) else node


def operation(method, path, vault):
    """The documented operation; those of the vault alone say so by their server."""
    parts = path.split("?")[0].split("/")
    found = [(sum(a == b for a, b in zip(template.split("/"), parts)), template) for template in SPEC["paths"]
             if len(template.split("/")) == len(parts)
             and all(a == b or a.startswith("{") for a, b in zip(template.split("/"), parts))]
    assert found, f"{path} is not documented"
    item = SPEC["paths"][max(found)[1]]
    servers = " ".join(server["url"] for server in item.get("servers", SPEC["servers"]))
    assert ("8081" if vault else "8080") in servers, f"{path} is documented for the other listener"
    assert method.lower() in item, f"{method} {path} is not documented"
    return item[method.lower()]


class Walk:
    def __init__(self):
        self.answers, self.wrong = 0, []

    def __call__(self, wanted, call, method, path, *body, vault=False, **more):
        answer = call(method, path, *body, **more)
        try:
            assert answer.status == wanted, f"{answer}, wanted {wanted}"
            self.judge(answer, operation(method, path, vault)["responses"])
        except (AssertionError, jsonschema.ValidationError) as error:
            self.wrong.append(f"{method} {path} -> {answer.status}: {getattr(error, 'message', error)}")
        self.answers += 1
        return answer

    def judge(self, answer, responses):
        assert str(answer.status) in responses, f"{answer.status} is not documented"
        documented = resolve(responses[str(answer.status)])
        content = documented.get("content", {})
        if not content:
            assert not answer.body, "an undocumented body"
            return
        assert answer.media in content, f"{answer.media} is not documented"
        if answer.json is not None:
            jsonschema.validate(answer.json, content[answer.media]["schema"], jsonschema.Draft202012Validator,
                                format_checker=FORMATS)
        for name in documented.get("headers", {}):
            assert answer.headers.get(name), f"no {name}"


def record(instance, check):
    """A session with both persons' media, recorded for some seconds, and sealed."""
    session, coach, coachee = instance.session()
    peers = [Peer(party) for party in (coach, coachee)]
    until("both are connected", lambda: "disconnected" not in coach.gate()["reasons"], 30)
    for party in (coach, coachee):
        check(201, party.call, "POST", "/v1/consents", party.give(["recording", "supervision"]))
    until("the gate is open", lambda: coach.gate()["state"] == "open")
    check(200, instance.platform, "GET", f"/v1/sessions/{session}")
    check(200, coach.call, "GET", "/v1/party")
    time.sleep(5)
    check(200, coach.call, "POST", "/v1/party/pause")
    check(200, coach.call, "DELETE", "/v1/party/pause")
    check(204, instance.platform, "DELETE", f"/v1/sessions/{session}")
    for peer in peers:
        peer.close()
    return session, coach


def walk_public(instance, check):
    session, coach, _ = instance.session()
    check(201, instance.platform, "POST", "/v1/sessions", instance.session_body())
    check(400, instance.platform, "POST", "/v1/sessions", "{")
    check(401, instance.gateway_call, "POST", "/v1/sessions", {})
    check(422, instance.platform, "POST", "/v1/sessions", instance.session_body(policy="none"))
    check(200, instance.platform, "GET", f"/v1/sessions/{session}")
    check(404, instance.platform, "GET", f"/v1/sessions/{NOTHING}")
    check(201, instance.platform, "POST", f"/v1/sessions/{session}/parties/coachee/token")
    check(200, instance.platform, "PUT", "/v1/webhooks/w", {"url": "https://example.org/hook", "events": ["recording.sealed"]})
    for path in ("party", "notice?lang=fr", "party/recordings", "party/accesses", "party/receipts"):
        check(200, coach.call, "GET", f"/v1/{path}")
    check(404, coach.call, "GET", f"/v1/notice?sha256={'0' * 64}")
    check(403, coach.call, "POST", "/v1/consents", coach.give(key=coach.key.generate()))
    check(400, coach.call, "POST", "/v1/consents", {})
    check(201, coach.call, "POST", "/v1/consents", coach.decide("ConsentRefused"))
    made = check(201, coach.call, "POST", "/v1/party/requests", {"type": "access", "detail": "all of it"})
    check(200, coach.call, "GET", f"/v1/party/requests/{made.json['id']}")
    check(404, coach.call, "GET", f"/v1/party/requests/{NOTHING}")
    check(200, coach.call, "GET", f"/v1/party/requests/{made.json['id']}/copy")
    check(404, coach.call, "GET", f"/v1/party/requests/{made.json['id']}/archive")
    portable = check(201, coach.call, "POST", "/v1/party/requests", {"type": "portability"})
    check(422, coach.call, "POST", f"/v1/party/requests/{portable.json['id']}/archive", {"passphrase": "short"})
    check(202, coach.call, "POST", f"/v1/party/requests/{portable.json['id']}/archive", {"passphrase": "long enough to keep"})
    check(200, coach.call, "GET", "/v1/party/requests")
    check(422, coach.call, "POST", "/v1/media", "v=0", media="application/sdp")
    for path in ("/healthz", "/readyz", "/metrics", "/"):
        check(200, instance.gateway_call, "GET", path)
        check(200, instance.vault_call, "GET", path, vault=True)
    for call, vault in ((instance.gateway_call, False), (instance.vault_call, True)):
        size = check(200, call, "GET", "/v1/ledger/checkpoint", vault=vault).body.split(b"\n")[1].decode()
        for what in ("key", f"proof?leaf=0&size={size}", f"consistency?from=1&to={size}", "leaves?from=0&count=2"):
            check(200, call, "GET", f"/v1/ledger/{what}", vault=vault)
        check(404, call, "GET", "/v1/ledger/nothing", vault=vault)
    return made.json["id"]


def walk_recording(check, session, coach, users, of_socket):
    def of(user, wanted, method, path, *body, **more):
        return check(wanted, users[user].call, method, path, *body, vault=True, **more)
    recording = of("admin", 200, "GET", "/v1/recordings").json["recordings"][0]["id"]
    here = f"/v1/recordings/{recording}"
    of("admin", 200, "GET", here)
    of("admin", 404, "GET", f"/v1/recordings/{NOTHING}")
    of("auditor", 403, "GET", "/v1/recordings")
    grant = of("admin", 201, "POST", "/v1/grants", {"recording": recording, "supervisor": "supervisor",
                                                    "purpose": "supervision", "expires": now(3600)}).json["id"]
    of("admin", 400, "POST", "/v1/grants", {})
    of("admin", 200, "GET", "/v1/grants")
    of("supervisor", 200, "GET", here)
    exported = check(201, of_socket, "POST", f"{here}/export", {"reason": "a right of access"}, vault=True).json
    check(200, of_socket, "GET", f"{here}/segments/coach/{exported['segments']['coach'][0]}?access={exported['access']}", vault=True)
    of("supervisor", 403, "GET", f"{here}/tracks/coach")
    access = of("supervisor", 201, "POST", f"{here}/accesses", {"purpose": "supervision", "reason": "to learn"}).json["id"]
    of("supervisor", 200, "GET", f"{here}/tracks/coach?access={access}")
    of("supervisor", 206, "GET", f"{here}/tracks/coachee?access={access}", headers={"Range": "bytes=5-9"})
    of("supervisor", 416, "GET", f"{here}/tracks/coachee?access={access}", headers={"Range": "bytes=999999999-"})
    notes = f"{here}/notes?access={access}"
    note = of("supervisor", 201, "POST", notes, {"at_ms": 0, "text": "a first thought"}).json["id"]
    of("supervisor", 422, "POST", notes, {"at_ms": 0, "text": ""})
    of("supervisor", 200, "GET", notes)
    of("supervisor", 403, "GET", f"{here}/notes")
    of("supervisor", 200, "PUT", notes.replace("?", f"/{note}?"), {"at_ms": 1, "text": "a second"})
    of("supervisor", 204, "DELETE", notes.replace("?", f"/{note}?"), {})
    of("supervisor", 204, "DELETE", f"{here}/accesses/{access}", {})
    of("auditor", 200, "GET", "/v1/accesses")
    for path in ("recordings", "accesses", "receipts"):
        check(200, coach.call, "GET", f"/v1/party/{path}")
    of("admin", 204, "DELETE", f"/v1/grants/{grant}", {})
    wish = {"recording": recording, "ground": "dispute", "reason": "a court asked", "ends": now(86400)}
    proposal = of("admin", 202, "POST", "/v1/holds", wish).json["proposal"]
    hold = of("admin2", 201, "POST", "/v1/holds", {"proposal": proposal}).json["id"]
    of("auditor", 200, "GET", "/v1/holds")
    of("admin", 423, "POST", "/v1/erasures", {"recording": recording})
    of("admin", 202, "DELETE", f"/v1/holds/{hold}", {})
    of("admin2", 204, "DELETE", f"/v1/holds/{hold}", {})
    of("admin", 201, "POST", "/v1/erasures", {"recording": recording})
    of("auditor", 200, "GET", f"/v1/erasures/{recording}")
    of("admin", 201, "POST", "/v1/erasures", {"session": session})
    of("admin", 200, "GET", here)
    check(200, coach.call, "GET", "/v1/party/recordings")
    check(410, coach.call, "GET", f"/v1/party/recordings/{recording}/tracks/coach")


def walk_governance(check, users, of_socket):
    def of(user, wanted, method, path, *body, **more):
        return check(wanted, users[user].call, method, path, *body, vault=True, **more)
    of("supervisor", 200, "GET", "/v1/approvals")
    of("admin", 404, "POST", f"/v1/approvals/{NOTHING}/approve", {})
    of("auditor", 403, "POST", f"/v1/approvals/{NOTHING}/deny", {})
    conduct = of("auditor", 200, "GET", "/v1/conduct?lang=fr").json
    of("auditor", 201, "POST", "/v1/conduct/acknowledgements", {name: conduct[name] for name in ("version", "sha256")})
    of("auditor", 409, "POST", "/v1/conduct/acknowledgements", {"version": conduct["version"], "sha256": "0" * 64})
    of("auditor", 200, "GET", "/v1/conduct/status")
    of("admin", 422, "PUT", "/v1/conduct", {"documents": []})
    documents = [json.loads((TOP / f"config/conduct/{lang}.json").read_text()) for lang in ("fr", "en")]
    of("admin", 200, "PUT", "/v1/conduct", {"documents": documents})
    of("auditor", 200, "GET", "/v1/review")
    of("admin", 204, "POST", "/v1/review/confirm", {"items": ["user:supervisor"]})
    of("admin", 403, "POST", "/v1/review/confirm", {"items": ["user:admin"]})
    of("admin", 404, "POST", "/v1/review/expire", {"items": ["user:nobody"]})
    of("admin", 200, "GET", "/v1/logins")
    of("admin", 404, "DELETE", "/v1/logins/nobody", {})
    of("admin", 204, "DELETE", "/v1/logins/supervisor", {})
    check(204, of_socket, "POST", "/v1/users/supervisor/conduct", {}, vault=True)


def walk_desk(instance, check, users, request):
    def of(user, wanted, method, path, *body, **more):
        return check(wanted, users[user].call, method, path, *body, vault=True, **more)
    of("admin", 200, "GET", "/v1/me")
    of("admin", 200, "GET", "/v1/requests")
    of("admin", 200, "GET", "/v1/requests?due=1")
    of("admin", 200, "GET", f"/v1/requests/{request}")
    of("admin", 404, "POST", f"/v1/requests/{request}/checklist/1", {})
    of("admin", 404, "POST", "/v1/requests", {"session": NOTHING, "party": "coach", "type": "access"})
    of("admin", 200, "POST", f"/v1/requests/{request}/extend", {"reason": "complex"})
    of("admin", 404, "POST", f"/v1/requests/{request}/forget", {})
    of("admin", 200, "POST", f"/v1/requests/{request}/refuse", {"reason": "unfounded", "article": "art. 12(5)(b)"})
    of("admin", 200, "GET", "/v1/policies")
    policy = of("admin", 200, "GET", "/v1/policies/default")
    of("admin", 200, "POST", "/v1/policies/default/preview", policy.json["document"])
    of("admin", 200, "GET", "/v1/policies/default?version=1")
    of("admin", 200, "GET", "/v1/policies/default/diff?from=1")
    of("admin", 404, "GET", "/v1/policies/none")
    region = {"name": "area", "kind": "region", "reason": "r", "purposes": {"quality": {"days": 7, "reason": "r"}}}
    of("admin", 200, "POST", "/v1/policies/area/preview", region)
    of("admin", 200, "PUT", "/v1/policies/area", region)
    of("admin", 422, "PUT", "/v1/policies/area", dict(region, kind="policy"))
    session, _, _ = instance.session()
    of("admin", 200, "GET", f"/v1/sessions/{session}/terms")
    of("auditor", 404, "GET", f"/v1/recordings/{NOTHING}/terms")
    of("admin", 404, "POST", f"/v1/recordings/{NOTHING}/decision", {})
    of("admin", 422, "POST", "/v1/tenants/demo/rules/preview", {"region": "default"})
    of("admin", 404, "PUT", "/v1/tenants/nobody/rules", {"region": "area"})
    of("auditor", 200, "GET", "/v1/register")
    of("auditor", 200, "GET", "/v1/register/disclosures")
    of("admin", 200, "GET", "/v1/webhooks")
    of("auditor", 200, "GET", "/v1/deliveries")
    of("admin", 200, "POST", "/v1/deliveries/retry", {})
    of("admin", 404, "POST", f"/v1/deliveries/{NOTHING}/retry", {})
    of("admin", 404, "DELETE", f"/v1/deliveries/{NOTHING}")
    of("auditor", 403, "DELETE", f"/v1/deliveries/{NOTHING}")
    of("admin", 204, "DELETE", "/v1/tenants/demo/webhooks/w")
    of("admin", 404, "DELETE", "/v1/tenants/demo/webhooks/w")
    of("admin", 201, "POST", "/v1/recipients", {"name": "Host", "role": "processor", "place": "Lyon", "purpose": "hosting"})
    of("admin", 200, "GET", "/v1/recipients")
    of("admin", 204, "DELETE", "/v1/recipients/1")
    of("admin", 404, "DELETE", "/v1/recipients/1")
    of("admin", 422, "PUT", "/v1/tenants/demo/roles", {"capacity": "owner"})
    of("admin", 200, "PUT", "/v1/tenants/demo/roles", {"capacity": "controller"})
    of("auditor", 200, "GET", "/v1/offboardings")
    of("admin", 404, "GET", "/v1/tenants/demo/offboard")
    of("admin", 422, "POST", "/v1/tenants/demo/offboard", {"recipient": "age1", "reason": "r"})
    of("auditor", 403, "POST", "/v1/tenants/demo/offboard/erase", {})
    for path in ("users", "clock", "doctor"):
        of("admin", 200, "GET", f"/v1/{path}")
    of("admin", 200, "POST", "/v1/clock/confirm", {})
    of("admin", 403, "POST", "/v1/users", {"user": "x", "role": "admin"})
    for method, path, body, wanted in (("POST", "/v1/users", {"user": "u", "role": "auditor"}, 201),
                                       ("POST", "/v1/users/u/disable", {}, 204), ("POST", "/v1/users/u/reset", {}, 200),
                                       ("GET", "/v1/tenants", None, 200), ("POST", "/v1/tenants", {"name": "t"}, 201),
                                       ("POST", "/v1/tenants/t/keys", {"label": "k"}, 201),
                                       ("GET", "/v1/tenants/t/keys", None, 200), ("DELETE", "/v1/tenants/t/keys/k", {}, 204)):
        check(wanted, instance.admin_call, method, path, body, vault=True)
    login = instance.demo["auditor"]
    check(401, instance.vault_call, "POST", "/v1/login", {"user": login["user"], "password": "no", "totp": "000000"}, vault=True)
    check(401, instance.vault_call, "GET", "/v1/me", vault=True)
    of("auditor", 204, "POST", "/v1/logout", {})


def routes():
    """What the sources route, as (METHOD, path with unnamed parameters)."""
    for source in (*TOP.glob("gateway/*.c"), *TOP.glob("recorder/api/api_*.c")):
        for method, path in re.findall(r'\{\s*"(GET|POST|PUT|PATCH|DELETE)",\s*"(/[^"]*)"', source.read_text()):
            yield method, re.sub(r"{\w+}|\*", "{}", path)


def compare_routes(check):
    documented = {(method.upper(), re.sub(r"{\w+}", "{}", path)) for path, item in SPEC["paths"].items()
                  for method in item if method != "servers"}
    routed = set(routes())
    check.wrong += [f"not documented: {' '.join(one)}" for one in sorted(routed - documented)]
    check.wrong += [f"documented, but not routed: {' '.join(one)}" for one in sorted(documented - routed)]


def main():
    instance, check = Instance(), Walk()
    try:
        request = walk_public(instance, check)
        users = {}
        for name in ("admin", "admin2", "supervisor", "auditor"):
            users[name] = Staff(instance, instance.demo[name])
            body = {"user": name, "password": instance.demo[name]["password"], "totp": users[name].code()}
            users[name].token = check(200, instance.vault_call, "POST", "/v1/login", body, vault=True).json["token"]
        session, coach = record(instance, check)
        walk_recording(check, session, coach, users, instance.admin_call)
        walk_governance(check, users, instance.admin_call)
        walk_desk(instance, check, users, request)
    finally:
        instance.stop()
    compare_routes(check)
    print("\n".join(check.wrong))
    print(f"{check.answers} answers, {len(check.wrong)} unlike docs/openapi.yaml")
    return 1 if check.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
