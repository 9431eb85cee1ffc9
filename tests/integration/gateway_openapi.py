"""Answers of the real gateway against docs/openapi.yaml: every public route is documented, every status it answers is too,
and problems fit their schema. What stands in the other answers is the vault's, which is a fake here: openapi.py asks both.

    gateway_openapi.py <gateway_stand> <aparte-gateway> <source directory>
"""
import json
import subprocess
import sys
import urllib.error
import urllib.request

import jsonschema
import yaml

STAND, GATEWAY, SOURCE = sys.argv[1:4]
PORT = 25310
SESSION = "00112233-4455-6677-8899-aabbccddeeff"
TRACK = "/v1/party/recordings/r/tracks/coach"
WITHDRAW = json.dumps({"statement": json.dumps({"event": "ConsentWithdrawn"})})
GIVE = json.dumps({"statement": json.dumps({"event": "ConsentGiven"})})

with open(f"{SOURCE}/docs/openapi.yaml", encoding="utf-8") as file:
    SPEC = yaml.safe_load(file)


def operation(method, path):
    """The documented operation for a concrete path."""
    parts = path.split("?")[0].split("/")
    for template, item in SPEC["paths"].items():
        pattern = template.split("/")
        if len(pattern) == len(parts) and all(a == b or a.startswith("{") for a, b in zip(pattern, parts)):
            return item[method.lower()]
    raise AssertionError(f"{method} {path} is not documented")


def resolve(node):
    """Schemas with their $ref replaced, so that any validator of JSON Schema 2020-12 or older can read them."""
    if isinstance(node, dict):
        if "$ref" in node:
            target = SPEC
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            return resolve(target)
        return {key: resolve(value) for key, value in node.items()}
    return [resolve(value) for value in node] if isinstance(node, list) else node


def ask(method, path, token=None, body=None, media="application/json", headers=None):
    request = urllib.request.Request(f"http://127.0.0.1:{PORT}{path}", method=method, data=body and body.encode())
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    if body is not None:
        request.add_header("Content-Type", media)
    for name, value in (headers or {}).items():
        request.add_header(name, value)
    try:
        return urllib.request.urlopen(request, timeout=10)
    except urllib.error.HTTPError as error:
        return error


def check(wanted, method, path, **more):
    answer = ask(method, path, **more)
    assert answer.status == wanted, f"{method} {path}: {answer.status}, wanted {wanted}"
    documented = operation(method, path)["responses"]
    assert str(wanted) in documented, f"{method} {path}: {wanted} is not documented"
    content = resolve(documented[str(wanted)]).get("content", {})
    media = (answer.headers.get_content_type() if answer.headers.get("Content-Type") else None)
    body = answer.read()
    if not content:
        assert not body, f"{method} {path}: an undocumented body"
    else:
        assert media in content, f"{method} {path}: {media} is not documented"
        if media == "application/problem+json":
            jsonschema.validate(json.loads(body), content[media]["schema"])
    for name in resolve(documented[str(wanted)]).get("headers", {}):
        assert answer.headers.get(name), f"{method} {path}: no {name}"
    return answer, body


def run():
    with open(f"{SOURCE}/tests/vectors/sdp/chromium-av.sdp", encoding="utf-8", newline="") as file:
        offer = file.read()
    fragment = "a=ice-ufrag:wxyz\r\na=ice-pwd:0123456789012345678901\r\n"
    check(201, "POST", "/v1/sessions", token="key", body="{}")
    check(400, "POST", "/v1/sessions", token="key", body="{")
    check(401, "POST", "/v1/sessions", body="{}")
    check(413, "POST", "/v1/sessions", token="key", body=" " * 20000)
    check(415, "POST", "/v1/sessions", token="key", body="{}", media="text/plain")
    check(200, "GET", f"/v1/sessions/{SESSION}", token="key")
    check(201, "POST", f"/v1/sessions/{SESSION}/parties/coach/token", token="key")
    check(200, "PUT", "/v1/webhooks/w", token="key", body="{}")
    check(204, "DELETE", f"/v1/sessions/{SESSION}", token="key")
    check(200, "GET", "/v1/party", token="coach-token")
    check(401, "GET", "/v1/party", token="nobody")
    check(204, "PUT", "/v1/party/device", token="coach-token", body="{}")
    check(200, "GET", "/v1/notice?lang=fr", token="coach-token")
    check(204, "POST", "/v1/party/presence", token="coach-token", body="{}")
    check(201, "POST", "/v1/consents", token="coach-token", body=WITHDRAW)
    assert "*/*" in operation("POST", "/v1/consents")["requestBody"]["content"]
    check(201, "POST", "/v1/consents", token="coach-token", body=WITHDRAW, media="text/plain")
    check(415, "POST", "/v1/consents", token="coach-token", body=GIVE, media="text/plain")
    check(200, "POST", "/v1/party/pause", token="coach-token")
    check(200, "DELETE", "/v1/party/pause", token="coach-token")
    check(204, "POST", "/v1/party/messages", token="coach-token", body="hello", media="text/plain")
    check(200, "GET", "/v1/party/recordings", token="coach-token")
    check(200, "GET", TRACK, token="coach-token")
    check(206, "GET", TRACK, token="coach-token", headers={"Range": "bytes=5-9"})
    check(416, "GET", TRACK, token="coach-token", headers={"Range": "bytes=99999999-"})
    check(200, "GET", "/v1/party/accesses", token="coach-token")
    check(200, "GET", "/v1/party/receipts", token="coach-token")
    check(201, "POST", "/v1/party/requests", token="coach-token", body="{}")
    check(200, "GET", "/v1/party/requests/r", token="coach-token")
    check(200, "GET", "/v1/ledger/checkpoint")
    check(404, "GET", "/v1/ledger/nothing")
    made, _ = check(201, "POST", "/v1/media", token="coach-token", body=offer, media="application/sdp")
    check(422, "POST", "/v1/media", token="coach-token", body="v=0", media="application/sdp")
    place = made.headers["Location"]
    more = {"token": "coach-token", "body": fragment, "media": "application/trickle-ice-sdpfrag"}
    check(428, "PATCH", place, **more)
    check(412, "PATCH", place, headers={"If-Match": '"x"'}, **more)
    restarted, _ = check(200, "PATCH", place, headers={"If-Match": '"*"'}, **more)
    check(204, "PATCH", place, headers={"If-Match": restarted.headers["ETag"]}, **more)
    check(200, "DELETE", place, token="coach-token")
    check(404, "DELETE", place, token="coach-token")
    for path in ("/healthz", "/readyz", "/metrics", "/join"):
        check(200, "GET", path)


child = subprocess.Popen([STAND, GATEWAY, str(PORT), "25320", f"{SOURCE}/web", "gateway.rate_per_minute=100000"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
try:
    assert child.stdout.readline() == "ready\n", "the gateway did not start"
    run()
    print("every answer fits docs/openapi.yaml")
finally:
    child.stdin.close()
    child.wait(10)
