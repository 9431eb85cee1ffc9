#!/usr/bin/python3
"""Webhooks of the running instance, received by a platform of our own that checks every signature by itself.

    APARTE_BIN=build/dev/bin webhooks.py

One story in order of names. The receiver knows nothing of the vault but the secret it was given and docs/openapi.yaml.
"""
import base64
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import re
import signal
import sys
import threading
import time
import unittest

import jsonschema
import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "testlib"))
import aparte_client as client  # noqa: E402
import bad_disk  # noqa: E402

ADMIN = ("--admin", "admin")
SPEC = yaml.safe_load((client.TOP / "docs/openapi.yaml").read_text())
FORMATS = jsonschema.FormatChecker()


class Platform(http.server.ThreadingHTTPServer):
    """Takes deliveries, by default with 204. What it could not verify is kept in `wrong`."""
    daemon_threads = True

    def __init__(self):
        self.seen, self.wrong, self.secret, self.statuses, self.mute = [], [], None, [], False
        super().__init__(("127.0.0.1", 0), Receiver)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/hook"

    def of(self, kind):
        return [event["data"] for _, event in list(self.seen) if event["type"] == kind]


class Receiver(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        body, platform = self.rfile.read(int(self.headers["Content-Length"])), self.server
        ident, stamp = self.headers["webhook-id"], self.headers["webhook-timestamp"]
        mac = hmac.new(platform.secret, f"{ident}.{stamp}.".encode() + body, hashlib.sha256).digest()
        if self.headers["webhook-signature"] != "v1," + base64.b64encode(mac).decode():
            platform.wrong.append(("signature", ident))
        if abs(int(stamp) - time.time()) > 300:
            platform.wrong.append(("timestamp", stamp))
        event = json.loads(body)
        try:
            jsonschema.validate(event, {**SPEC["components"]["schemas"]["WebhookEvent"]}, jsonschema.Draft202012Validator,
                                format_checker=FORMATS)
        except jsonschema.ValidationError as error:
            platform.wrong.append((event, error.message))
        platform.seen.append((ident, event))
        if platform.mute:
            time.sleep(8)
            return
        self.send_response(platform.statuses.pop(0) if platform.statuses else 204)
        self.send_header("Content-Length", "0")
        self.end_headers()


def children(pid):
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def vault_pid(instance):
    """The vault below this instance's own launcher."""
    launcher = int((instance.home / "run/serve.pid").read_text().split()[0])
    queue, seen = [launcher], []
    while queue:
        pid = queue.pop()
        seen.append(pid)
        queue += children(pid)
    names = {pid: pathlib.Path(f"/proc/{pid}/comm").read_text().strip() for pid in seen if os.path.exists(f"/proc/{pid}/comm")}
    return next(pid for pid, name in names.items() if name.startswith("aparte-recorder"))


class Webhooks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.platform = Platform()
        cls.addClassCleanup(cls.platform.shutdown)
        cls.instance = client.Instance({"gateway.rate_per_minute": 100000, "storage.floor_mib": 64, "webhooks.allow_http": "true",
                                        "webhooks.private_hosts": "127.0.0.1"})
        cls.addClassCleanup(cls.instance.stop)

    def tearDown(self):
        if self._outcome.result.errors or self._outcome.result.failures:
            print("".join(f"    {line}\n" for line in self.instance.log().splitlines()[-15:]), flush=True)

    def put(self, name="main", url=None, events=("*",)):
        answer = self.instance.platform("PUT", f"/v1/webhooks/{name}", {"url": url or self.platform.url, "events": list(events)})
        self.assertEqual(200, answer.status, answer)
        return base64.b64decode(answer.json["secret"].removeprefix("whsec_"))

    def arrives(self, kind, matching, seconds=15):
        return client.until(f"{kind} {matching}", lambda: [data for data in self.platform.of(kind)
                                                           if matching.items() <= data.items()], seconds)[0]

    def cli(self, *arguments):
        return json.loads(self.instance.cli("webhook", *arguments, "--json", *ADMIN))

    def kill_vault(self):
        os.kill(vault_pid(self.instance), signal.SIGKILL)

    def test_10_what_is_not_allowed_is_refused(self):
        for body in ({"url": "https://10.0.0.1/", "events": ["*"]}, {"url": "http://192.168.1.1/", "events": ["*"]},
                     {"url": "https://localhost/", "events": ["*"]}, {"url": self.platform.url, "events": ["recording.eraesd"]},
                     {"url": self.platform.url, "events": ["consent.refused"]}):
            answer = self.instance.platform("PUT", "/v1/webhooks/main", body)
            self.assertEqual((422, "invalid"), (answer.status, answer.error), body)
        self.assertEqual({"webhooks": []}, self.cli("list"))

    def test_11_a_session_from_end_to_end(self):
        self.platform.secret = self.put()
        call = bad_disk.Call(self.instance, ("recording",))
        try:
            session = {"session": call.session}
            recording = call.under_way(1)
            self.assertEqual(["recording"], self.arrives("consent.changed", session)["given"])
            self.arrives("gate.opened", {**session, "recording": recording})
            # R34: a purpose refused while recording closes the gate for a moment; the platform hears nothing of it.
            mark = call.mark()
            self.assertEqual(201, call.coachee.consent(call.coachee.decide("ConsentRefused", ["quality"])).status)
            call.told(mark, lambda gate: gate["state"] != "open")
            call.open()
            time.sleep(2.5)
            self.assertEqual([], [data for data in self.platform.of("gate.closed") if data["session"] == call.session])
            self.assertEqual(1, len([data for data in self.platform.of("gate.opened") if data["session"] == call.session]))
            begun = time.monotonic()
            self.assertEqual(201, call.coachee.consent(call.coachee.decide("ConsentWithdrawn", ["recording"])).status)
            self.assertLess(time.monotonic() - begun, 5)
            self.assertEqual(["consent_missing"], self.arrives("gate.closed", session)["reasons"])
            client.until("no longer given", lambda: [data for data in self.platform.of("consent.changed")
                                                     if data == {**session, "given": []}], 15)
            for kind in ("erasure.ordered", "recording.erased"):
                self.assertEqual({"recording", "session"}, set(self.arrives(kind, {"recording": recording})))
            call.end()
            self.arrives("session.ended", session)
        finally:
            call.close()
        type(self).recording = recording
        self.assertNotIn("coach", json.dumps(self.platform.seen))
        self.assertEqual([], self.platform.wrong)

    def test_12_a_refusal_and_silence_are_the_same(self):
        """R34: two sessions, side by side; all that is told of each."""
        told = []
        for refuses in (False, True):
            session, coach, coachee = self.instance.session()
            self.assertEqual(201, coach.consent(coach.give(["recording"])).status)
            if refuses:
                self.assertEqual(201, coachee.consent(coachee.decide("ConsentRefused", ["recording", "quality"])).status)
            self.assertEqual(204, self.instance.platform("DELETE", f"/v1/sessions/{session}").status)
            self.arrives("session.ended", {"session": session})
            time.sleep(2)
            told.append(sorted(json.dumps({"type": event["type"], **event["data"]}).replace(session, "session")
                               for _, event in self.platform.seen if event["data"].get("session") == session))
        self.assertEqual(told[0], told[1])
        self.assertEqual(2, len(told[0]), told)

    def test_13_requests_and_the_turnover(self):
        session, coach, _ = self.instance.session()
        made = coach.call("POST", "/v1/party/requests", {"type": "access", "detail": "mine"}).json["id"]
        self.arrives("request.created", {"request": made, "session": session, "type": "access"})
        of = self.instance.admin_call
        self.assertEqual(200, of("POST", f"/v1/requests/{made}/extend", {"reason": "many"}).status)
        self.arrives("request.extended", {"request": made})
        self.assertEqual(200, of("POST", f"/v1/requests/{made}/refuse", {"reason": "art. 12(5)(b) GDPR"}).status)
        self.assertEqual({"request": made}, self.arrives("request.refused", {"request": made}))
        self.instance.cli("rotate", "--reason", "test", *ADMIN)
        told = client.until("unrecoverable", lambda: self.platform.of("erasure.unrecoverable"), 30)
        self.assertIn(self.recording, told[0]["recordings"])
        self.assertEqual([], self.platform.wrong)

    def test_20_a_kill_between_commit_and_delivery_loses_nothing(self):
        self.platform.statuses = [503] * 3
        session, _, _ = self.instance.session()
        client.until("a first attempt", lambda: len(self.platform.statuses) < 3, 15)
        self.kill_vault()
        self.platform.statuses = []
        before = len([1 for _, event in self.platform.seen if event["data"].get("session") == session])
        client.until("another attempt", lambda: len([1 for _, event in self.platform.seen
                                                     if event["data"].get("session") == session]) > before, 40)
        ids = {ident for ident, event in self.platform.seen if event == {**event, "data": {"session": session}}}
        self.assertEqual(1, len(ids), "the same delivery has the same webhook-id")

    def test_21_a_kill_before_the_answer_was_noted_sends_it_again(self):
        client.until("the vault is back", lambda: self.instance.platform("GET", "/readyz").status == 200, 40)
        self.platform.mute = True
        session, _, _ = self.instance.session()
        client.until("it was received", lambda: {"session": session} in self.platform.of("session.created"), 20)
        self.kill_vault()
        self.platform.mute = False
        client.until("twice", lambda: self.platform.of("session.created").count({"session": session}) >= 2, 40)
        ids = {ident for ident, event in self.platform.seen if event["type"] == "session.created" and
               event["data"] == {"session": session}}
        self.assertEqual(1, len(ids), "a receiver can tell a second time by the webhook-id")

    def test_30_dead_letters_are_listed_retried_and_dropped(self):
        client.until("the vault is back", lambda: self.instance.platform("GET", "/readyz").status == 200, 40)
        gone = Platform()
        self.addCleanup(gone.shutdown)
        gone.secret, gone.statuses = self.put("other", gone.url, ["session.created"]), [410]
        first, _, _ = self.instance.session()
        letter = client.until("a dead letter", lambda: self.cli("dead")["deliveries"], 20)[0]
        self.assertEqual(("other", "session.created", {"session": first}, "status 410"),
                         tuple(letter[name] for name in ("webhook", "event", "data", "problem")))
        hooks = {hook["name"]: hook for hook in self.cli("list")["webhooks"]}
        self.assertEqual((1, "127.0.0.1", True), (hooks["other"]["dead"], hooks["other"]["host"], "disabled" in hooks["other"]))
        checks = {check["check"]: check for check in json.loads(self.instance.cli("doctor", "--json", *ADMIN))["checks"]}
        self.assertEqual("warn", checks["webhooks"]["state"])
        self.assertRegex(self.instance.vault_call("GET", "/metrics").body.decode(), re.compile(r"^aparte_webhooks_dead 1$", re.M))
        self.put("other", gone.url, ["session.created"])
        self.assertEqual({"retried": 1}, self.cli("retry", letter["id"]))
        client.until("delivered", lambda: gone.of("session.created").count({"session": first}) == 2, 15)
        self.assertEqual([], gone.wrong)
        gone.statuses = [410]
        self.instance.session()
        letter = client.until("another", lambda: self.cli("dead")["deliveries"], 20)[0]
        self.instance.cli("webhook", "drop", letter["id"], *ADMIN)
        self.assertEqual({"deliveries": []}, self.cli("dead"))
        self.instance.cli("webhook", "remove", "demo", "other", *ADMIN)
        self.assertEqual(["main"], [hook["name"] for hook in self.cli("list")["webhooks"]])

    def test_40_everything_was_verified(self):
        self.assertEqual([], self.platform.wrong)
        self.assertGreater(len(self.platform.seen), 15)


if __name__ == "__main__":
    unittest.main(verbosity=2, failfast=True)
