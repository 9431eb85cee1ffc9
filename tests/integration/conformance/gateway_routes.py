"""The gateway's public routes: shapes, errors, HTTP manners."""
import http.client
import json
import uuid

import aparte_client as client
import aparte_format as fmt
from world import (GATE, PURPOSES, STATES, Case, instance, is_flag, is_hex32, is_id, is_text, is_time, is_token, list_of,
                   misfits, one_of)

PARTY = {"session": is_id, "role": one_of("coach", "coachee"), "pii_principal": is_text, "name": is_text, "locale": is_text,
         "time": is_time, "purposes_offered": list_of(one_of(*PURPOSES)), "consents": dict.fromkeys(PURPOSES, one_of(*STATES)),
         "gate": GATE, "peer": {"name": is_text, "connected": is_flag}, "e2ee": one_of("off")}
CREATED = {"id": is_id, "state": one_of("created", "active", "ended"),
           "parties": {role: {"token": is_token, "join_url": is_text} for role in ("coach", "coachee")}}
SEEN = {"id": is_id, "state": one_of("created", "active", "ended"), "gate": GATE,
        "parties": {role: {"connected": is_flag, "consents": lambda value: set(value.values()) <=
                           {"ConsentGiven", "ConsentUnknown"} and "recording" in value} for role in ("coach", "coachee")},
        "recordings": list_of({"id": is_id, "state": one_of("recording", "sealed", "archived", "restricted", "erased")})}


class Platform(Case):
    def create(self, **changes):
        return instance().platform("POST", "/v1/sessions", instance().session_body(**changes))

    def test_session_is_created_and_shown(self):
        made = self.good(self.create(), 201, CREATED)
        for role, party in made["parties"].items():
            self.assertEqual(f"http://127.0.0.1:{instance().port}/join#{party['token']}", party["join_url"], role)
        self.assertNotEqual(*[party["token"] for party in made["parties"].values()])
        seen = self.good(instance().platform("GET", f"/v1/sessions/{made['id']}"), 200, SEEN)
        self.assertEqual("closed", seen["gate"]["state"])
        self.assertEqual([], seen["recordings"])

    def test_only_what_is_needed_is_asked(self):
        body = {"coach": {"id": "c", "locale": "fr"}, "coachee": {"id": "p", "locale": "en"}, "reference": "r",
                "policy": "default", "sensitivity": "standard", "e2ee": "off"}
        self.good(instance().platform("POST", "/v1/sessions", body), 201, CREATED)

    def test_a_wrong_wish_is_refused(self):
        for changes in ({"sensitivity": "secret"}, {"e2ee": "on"}, {"policy": "no-such-policy"}, {"coach": {"locale": "fr"}},
                        {"coach": {"id": "c", "locale": "fr", "key": "short"}}):
            answer = self.create(**changes)
            self.assertIn(answer.error, ("invalid", "malformed"), f"{changes} {answer}")
        for body in ("{", "[]", '"x"', "null", '{"a":1}{', '{"reference":1,'):
            self.problem(instance().platform("POST", "/v1/sessions", body), "malformed")

    def test_members_of_a_wrong_type_are_refused(self):
        for changes in ({"reference": 7}, {"policy": 7}, {"sensitivity": ["standard"]}, {"e2ee": False}, {"coach": []},
                        {"coach": {"id": 7, "locale": "fr"}}, {"coachee": {"id": "p", "locale": "en", "minor": "yes"}},
                        {"coachee": {"id": "p", "locale": "en", "key": 7}}, {"coachee": {"id": "p", "locale": "en", "name": 7}}):
            answer = self.create(**changes)
            self.assertIn(answer.error, ("invalid", "malformed"), f"{changes} {answer}")

    def test_idempotency_key(self):
        key, body = str(uuid.uuid4()), json.dumps(instance().session_body())
        first = instance().platform("POST", "/v1/sessions", body, headers={"Idempotency-Key": key})
        again = instance().platform("POST", "/v1/sessions", body, headers={"Idempotency-Key": key})
        self.assertEqual((201, first.json), (again.status, again.json))
        other = instance().platform("POST", "/v1/sessions", instance().session_body(reference="x"), headers={"Idempotency-Key": key})
        self.problem(other, "conflict")

    def test_sessions_of_nobody(self):
        for path in (f"/v1/sessions/{uuid.uuid4()}", "/v1/sessions/x"):
            self.problem(instance().platform("GET", path), "not-found")
            self.problem(instance().platform("DELETE", path), "not-found")
            self.problem(instance().platform("POST", f"{path}/parties/coach/token", {}), "not-found")

    def test_another_tenant_sees_nothing(self):
        session, coach, _ = instance().session()
        name = f"t{uuid.uuid4().hex[:8]}"
        self.good(instance().admin_call("POST", "/v1/tenants", {"name": name}), 201)
        keys = [instance().admin_call("POST", f"/v1/tenants/{name}/keys", {"label": label}).json["api_key"] for label in "ab"]
        for key in keys:
            self.problem(instance().platform("GET", f"/v1/sessions/{session}", token=key), "not-found")
            self.problem(instance().platform("DELETE", f"/v1/sessions/{session}", token=key), "not-found")
            self.problem(instance().platform("POST", f"/v1/sessions/{session}/parties/coach/token", {}, token=key), "not-found")
        self.assertEqual(200, coach.call("GET", "/v1/party").status)
        self.assertEqual(204, instance().admin_call("DELETE", f"/v1/tenants/{name}/keys/a").status)
        self.problem(instance().platform("GET", f"/v1/sessions/{session}", token=keys[0]), "token-invalid")
        self.problem(instance().platform("GET", f"/v1/sessions/{session}", token=keys[1]), "not-found")

    def test_token_renewal_revokes_the_old_one(self):
        session, coach, coachee = instance().session()
        events = coach.listen()
        path = f"/v1/sessions/{session}/parties/coach/token"
        answer = instance().platform("POST", path, {})
        self.assertIn(answer.status, (200, 201), answer)
        self.assertEqual([], misfits(answer.json, {"token": is_token, "join_url": is_text}))
        self.assertNotEqual(coach.token, answer.json["token"])
        self.problem(coach.call("GET", "/v1/party"), "token-invalid")
        self.assertTrue(events.over.wait(5), "the old token's events end")
        self.assertEqual(200, coach.call("GET", "/v1/party", token=answer.json["token"]).status)
        self.assertEqual(200, coachee.call("GET", "/v1/party").status)
        self.assertIn(instance().platform("POST", path).status, (200, 201), "a body is not needed")

    def test_session_ends(self):
        session, coach, coachee = instance().session()
        events = coachee.listen()
        self.assertEqual(204, instance().platform("DELETE", f"/v1/sessions/{session}").status)
        seen = self.good(instance().platform("GET", f"/v1/sessions/{session}"), 200, SEEN)
        self.assertEqual("ended", seen["state"])
        self.assertIn("ended", seen["gate"]["reasons"])
        self.assertTrue(events.over.wait(5))
        self.assertIn("end", events.names())
        self.assertEqual(204, instance().platform("DELETE", f"/v1/sessions/{session}").status, "ending twice is ending")
        self.problem(coach.call("POST", "/v1/media", "v=0", media="application/sdp"), "token-expired")
        self.problem(coach.call("GET", "/v1/events"), "token-expired")
        for path in ("/v1/party", "/v1/party/recordings", "/v1/party/accesses", "/v1/party/receipts", "/v1/notice"):
            self.assertEqual(200, coach.call("GET", path).status, f"the token still serves rights: {path}")

    def test_webhook(self):
        answer = self.good(instance().platform("PUT", "/v1/webhooks/main", {"url": "http://127.0.0.1:9/x", "events": ["session.created"]}))
        self.assertRegex(answer["secret"], r"^whsec_[A-Za-z0-9+/]{32,}={0,2}$")
        for body in ({"events": ["session.created"]}, {"url": "not a url", "events": []}, {"url": 7, "events": []},
                     {"url": "file:///etc/passwd", "events": ["session.created"]}, {"url": "http://127.0.0.1:9/x", "events": "all"}):
            answer = instance().platform("PUT", "/v1/webhooks/other", body)
            self.assertIn(answer.error, ("invalid", "malformed"), f"{body} {answer}")

    def test_an_api_key_is_no_party_token_and_the_reverse(self):
        _, coach, _ = instance().session()
        self.problem(coach.call("GET", "/v1/party", token=instance().demo["api_key"]), "token-invalid")
        self.problem(instance().platform("POST", "/v1/sessions", {}, token=coach.token), "token-invalid")


class PartyRoutes(Case):
    @classmethod
    def setUpClass(cls):
        cls.session, cls.coach, cls.coachee = instance().session()

    def test_party(self):
        me = self.good(self.coach.call("GET", "/v1/party"), 200, PARTY)
        self.assertEqual(("coach", "c-1", "Claire Delorme", "fr"), (me["role"], me["pii_principal"], me["name"], me["locale"]))
        self.assertEqual("Sam Okafor", me["peer"]["name"])
        self.assertEqual({"ConsentUnknown"}, set(me["consents"].values()))
        self.assertNotIn("p-1", json.dumps(me), "the platform's id of the peer is nobody's business")

    def test_notice_hash_is_over_rfc8785_without_sha256_and_seal(self):
        for lang in ("fr", "en"):
            notice = self.good(self.coach.call("GET", f"/v1/notice?lang={lang}"), 200, {
                "version": is_text, "lang": one_of(lang), "sha256": is_hex32, "text": is_text, "controller": lambda v: isinstance(v, dict),
                "purposes": list_of({"id": one_of(*PURPOSES), "title": is_text, "text": is_text, "retention": is_text}),
                "dpo": lambda v: v is not None, "rights": lambda v: bool(v), "complaint": lambda v: bool(v),
                "recipients": lambda v: isinstance(v, list), "log_key": is_text, "seal": lambda v: len(fmt.unb64u(v)) == 32})
            shown = {name: value for name, value in notice.items() if name not in ("sha256", "seal")}
            self.assertEqual(notice["sha256"], fmt.sha256(fmt.canonical(shown).encode()).hex())
            self.assertEqual(self.coach.me()["purposes_offered"], [purpose["id"] for purpose in notice["purposes"]])
            old = self.good(self.coach.call("GET", f"/v1/notice?sha256={notice['sha256']}"))
            self.assertEqual(shown, {name: value for name, value in old.items() if name not in ("sha256", "seal")})
        self.problem(self.coach.call("GET", f"/v1/notice?sha256={'0' * 64}"), "not-found")
        self.problem(self.coach.call("GET", "/v1/notice", token="x"), "token-invalid")

    def test_seal_keys_are_made_per_session_and_party(self):
        _, other, _ = instance().session()
        seals = [party.notice()["seal"] for party in (self.coach, self.coachee, other)]
        self.assertEqual(3, len(set(seals)))
        self.assertEqual(seals[0], self.coach.notice("fr")["seal"], "the same until it is used")

    def test_a_get_never_consents(self):
        for path in ("/v1/party", "/v1/notice?lang=en", "/v1/party/receipts", "/v1/consents?event=ConsentGiven"):
            self.coach.call("GET", path)
        self.assertEqual({"ConsentUnknown"}, set(self.coach.me()["consents"].values()))
        self.assertEqual(405, self.coach.call("GET", "/v1/consents").status)

    def test_device(self):
        _, coach, _ = instance().session()
        for body in ({}, {"key": "abc"}, {"key": 7}, {"key": "A" * 44}):
            answer = coach.call("PUT", "/v1/party/device", body)
            self.assertIn(answer.error, ("malformed", "invalid"), f"{body} {answer}")
        self.assertIn(coach.enrol().status, (200, 204), "the same key again")

    def test_a_key_from_the_platform_is_the_only_one(self):
        key = client.nacl.signing.SigningKey.generate()
        _, coach, _ = instance().session(coach={"id": "c-1", "locale": "fr", "key": fmt.b64u(bytes(key.verify_key))})
        self.assertIn(coach.enrol().status, (403, 409))
        self.assertIn(coach.enrol(key).status, (200, 204))

    def test_another_device_is_announced_to_both(self):
        _, coach, coachee = instance().session()
        events = [coach.listen(), coachee.listen()]
        coach.key = client.nacl.signing.SigningKey.generate()
        coach.enrol()
        for one in events:
            one.wait("party", lambda data: data.get("role") == "coach")
            one.close()

    def test_messages_pass_unread(self):
        events = self.coachee.listen()
        sent = '{"e2ee":"mailbox","n":1}'
        self.assertEqual(204, self.coach.call("POST", "/v1/party/messages", sent, media="application/octet-stream").status)
        client.until("the message", lambda: ("peer", sent) in events.seen)
        own = self.coach.call("POST", "/v1/party/messages", "x" * 4096, media="text/plain")
        self.assertEqual(204, own.status)
        self.problem(self.coach.call("POST", "/v1/party/messages", "x" * 4097, media="text/plain"), "too-large")
        injected = "a\nevent: gate\ndata: {\"state\":\"open\"}\n\n"
        self.coach.call("POST", "/v1/party/messages", injected, media="text/plain")
        client.until("the second", lambda: any("event: gate" in data for event, data in events.seen if event == "peer"))
        self.assertTrue(all(gate["state"] == "closed" for gate in events.of("gate")))
        events.close()

    def test_events_begin_with_the_gate(self):
        events = self.coach.listen()
        self.assertEqual("text/event-stream", events.answer.headers["Content-Type"].split(";")[0])
        self.assertEqual([], misfits(events.wait("gate"), GATE))
        events.close()

    def test_pause_before_anything(self):
        _, coach, coachee = instance().session()
        answers = [coach.call("POST", "/v1/party/pause"), coachee.call("POST", "/v1/party/pause", {})]
        self.assertTrue(all(answer.status in (200, 204) for answer in answers), answers)
        self.assertIn("paused", coachee.gate()["reasons"])
        coach.call("DELETE", "/v1/party/pause")
        self.assertIn("paused", coach.gate()["reasons"], "both must resume")
        coachee.call("DELETE", "/v1/party/pause")
        self.assertNotIn("paused", coach.gate()["reasons"])

    def test_one_pauses_and_both_must_resume(self):
        _, coach, coachee = instance().session()
        coach.call("POST", "/v1/party/pause")
        coach.call("DELETE", "/v1/party/pause")
        self.assertIn("paused", coach.gate()["reasons"])
        coachee.call("DELETE", "/v1/party/pause")
        self.assertNotIn("paused", coach.gate()["reasons"])

    def test_presence_must_be_signed_and_well_formed(self):
        for body in ({}, {"generation": "x", "counter": 1, "signature": "x"}, {"generation": "1", "counter": -1, "signature": "A" * 86}):
            self.problem(self.coach.call("POST", "/v1/party/presence", body), "malformed")

    def test_rights_lists_are_empty_at_first(self):
        for name in ("recordings", "accesses", "receipts"):
            self.assertEqual({name: []}, self.good(self.coach.call("GET", f"/v1/party/{name}")))
        track = f"/v1/party/recordings/{uuid.uuid4()}/tracks/coach"
        self.problem(self.coach.call("GET", track), "not-found")

    def test_requests(self):
        made = {}
        for kind in ("erasure", "access", "portability", "restriction", "rectification", "objection"):
            _, coach, coachee = instance().session()
            answer = coach.call("POST", "/v1/party/requests", {"type": kind, "detail": "please"})
            made[kind] = self.good(answer, 201, {"id": is_id, "state": is_text, "due": is_time})
            shown = coach.call("GET", f"/v1/party/requests/{made[kind]['id']}")
            self.good(shown, 200, {"id": is_id, "state": is_text, "due": is_time, "type": one_of(kind)})
            self.problem(coachee.call("GET", f"/v1/party/requests/{made[kind]['id']}"), "not-found")
        for body in ({"type": "party"}, {"detail": "x"}, {"type": 7}):
            self.assertIn(self.coach.call("POST", "/v1/party/requests", body).error, ("invalid", "malformed"))


class Media(Case):
    offer = (client.TOP / "tests/vectors/sdp/chromium-av.sdp").read_bytes().decode()

    def post(self, party, sdp=None, **more):
        return party.call("POST", "/v1/media", self.offer if sdp is None else sdp, media="application/sdp", **more)

    def test_offer_and_answer(self):
        _, coach, _ = instance().session()
        made = self.post(coach)
        self.assertEqual((201, "application/sdp"), (made.status, made.media))
        self.assertTrue(made.headers["Location"].startswith("/v1/media/"))
        self.assertNotIn(coach.token, made.headers["Location"])
        self.assertTrue(made.headers["ETag"])
        self.assertEqual(self.offer.count("\nm="), made.body.count(b"\nm="), "m-lines are mirrored")
        self.assertIn(b"127.0.0.1", made.body)

    def test_patch_and_delete(self):
        _, coach, coachee = instance().session()
        made = self.post(coach)
        place, fragment = made.headers["Location"], "a=ice-ufrag:wxyz\r\na=ice-pwd:0123456789012345678901\r\n"
        more = {"media": "application/trickle-ice-sdpfrag"}
        self.assertEqual(428, coach.call("PATCH", place, fragment, **more).status)
        self.assertEqual(412, coach.call("PATCH", place, fragment, headers={"If-Match": '"x"'}, **more).status)
        self.problem(coach.call("PATCH", place, fragment, media="text/plain"), "media-type")
        restarted = coach.call("PATCH", place, fragment, headers={"If-Match": '"*"'}, **more)
        self.assertEqual(200, restarted.status)
        self.assertNotEqual(made.headers["ETag"], restarted.headers["ETag"])
        trickled = coach.call("PATCH", place, fragment, headers={"If-Match": restarted.headers["ETag"]}, **more)
        self.assertEqual(204, trickled.status)
        self.problem(coachee.call("DELETE", place), "not-found")
        self.assertIn(coach.call("DELETE", place).status, (200, 204))
        self.problem(coach.call("DELETE", place), "not-found")

    def test_a_new_connection_replaces_the_old(self):
        _, coach, _ = instance().session()
        events = coach.listen()
        first = self.post(coach)
        second = self.post(coach)
        self.assertNotEqual(first.headers["Location"], second.headers["Location"])
        self.assertEqual("replaced", events.wait("end")["reason"])
        self.problem(coach.call("DELETE", first.headers["Location"]), "not-found")
        events.close()

    def test_bad_offers(self):
        _, coach, _ = instance().session()
        for sdp in ("v=0", "hello", "\xff\xfe", self.offer.replace("a=fingerprint", "a=thumbprint")):
            self.problem(self.post(coach, sdp), "sdp-malformed")
        self.problem(self.post(coach, self.offer.replace("opus/48000/2", "speex/16000").replace("VP8/90000", "XY8/90000")),
                     "no-common-codec")
        self.problem(self.post(coach, "v=0\r\n" * 30000), "too-large")
        self.problem(coach.call("POST", "/v1/media", self.offer, media="text/plain"), "media-type")
        self.problem(self.post(coach, token="nobody"), "token-invalid")


class Manners(Case):
    """What every route does alike."""
    ROUTES = ["/v1/sessions", "/v1/party", "/v1/party/device", "/v1/media", "/v1/notice", "/v1/consents", "/v1/party/presence",
              "/v1/party/pause", "/v1/events", "/v1/party/messages", "/v1/party/recordings", "/v1/party/accesses",
              "/v1/party/receipts", "/v1/party/requests", "/v1/ledger/key", "/healthz", "/readyz", "/metrics"]

    def test_405_names_what_is_served(self):
        for path in self.ROUTES:
            for method in ("TRACE", "PROPFIND", "BREW"):
                answer = instance().gateway_call(method, path)
                self.assertEqual(405, answer.status, f"{method} {path} {answer}")
                self.assertTrue(answer.headers["Allow"], path)
        self.assertEqual({"POST", "DELETE"}, set(instance().gateway_call("GET", "/v1/party/pause").headers["Allow"].split(", ")) - {"OPTIONS"})

    def test_404(self):
        for path in ("/v1", "/v2/party", "/v1/party/", "/v1/sessions/", "/.git/config", "/web/", "/web/nothing.js"):
            self.problem(instance().gateway_call("GET", path), "not-found")

    def test_nobody_is_let_in_anywhere(self):
        for path in self.ROUTES[1:14]:
            for method in ("GET", "POST", "PUT", "DELETE"):
                body, media = (("v=0", "application/sdp") if path == "/v1/media" else ("{}", "application/json"))
                for token in (None, "nobody", instance().demo["api_key"]):
                    answer = instance().gateway_call(method, path, body if method in ("POST", "PUT") else None, media=media, token=token)
                    if answer.status != 405:
                        self.problem(answer, "token-invalid")
                        self.assertEqual("Bearer", answer.headers["WWW-Authenticate"])

    def test_a_token_counts_in_its_header_only(self):
        _, coach, _ = instance().session()
        for name in ("token", "access_token", "authorization"):
            self.problem(instance().gateway_call("GET", f"/v1/party?{name}={coach.token}"), "token-invalid")
        self.problem(instance().gateway_call("GET", "/v1/party", headers={"Cookie": f"token={coach.token}"}), "token-invalid")
        self.problem(instance().gateway_call("GET", "/v1/party", headers={"Authorization": f"Basic {coach.token}"}), "token-invalid")

    def test_415_and_413(self):
        _, coach, _ = instance().session()
        key = instance().demo["api_key"]
        for method, path, token in (("POST", "/v1/sessions", key), ("PUT", "/v1/webhooks/x", key), ("PUT", "/v1/party/device", coach.token),
                                    ("POST", "/v1/party/presence", coach.token), ("POST", "/v1/party/requests", coach.token)):
            for media in ("text/plain", "application/x-www-form-urlencoded", None):
                self.problem(instance().gateway_call(method, path, "{}", token=token, media=media), "media-type")
            self.problem(instance().gateway_call(method, path, " " * 70000, token=token), "too-large")
            for body in ("{", "\0", b"\xff{}", '{"a":' * 3000):
                self.problem(instance().gateway_call(method, path, body, token=token), "malformed")

    def test_no_cors_for_strangers(self):
        answer = instance().gateway_call("GET", "/healthz", headers={"Origin": "https://evil.example"})
        self.assertIsNone(answer.headers["Access-Control-Allow-Origin"])
        self.assertIsNone(answer.headers["Access-Control-Allow-Credentials"])

    def test_pages(self):
        page = instance().gateway_call("GET", "/join")
        self.assertEqual((200, "text/html"), (page.status, page.media))
        policy = page.headers["Content-Security-Policy"]
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn("unsafe", policy)
        for name, value in (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
                            ("Cross-Origin-Resource-Policy", "same-origin"), ("Cross-Origin-Opener-Policy", "same-origin")):
            self.assertEqual(value, page.headers[name], name)
        self.assertNotRegex(page.body.decode(), r"<script(?![^>]*\bsrc=)|\son\w+=|https?://(?!127)", "no inline script, nothing foreign")

    def test_operators_routes_on_both_listeners(self):
        for where in (instance().gateway_call, instance().vault_call):
            self.assertEqual(200, where("GET", "/healthz").status)
            self.assertEqual(200, where("GET", "/readyz").status)
            metrics = where("GET", "/metrics")
            self.assertEqual((200, "text/plain"), (metrics.status, metrics.media))
            for line in metrics.body.decode().splitlines():
                self.assertRegex(line, r"^(# (HELP|TYPE) \w+ .+|\w+(\{[^}]*\})? -?[0-9.e+]+)$")
            self.assertIn("# TYPE", metrics.body.decode())

    def test_answers_are_not_kept(self):
        _, coach, _ = instance().session()
        self.assertEqual("no-store", coach.call("GET", "/v1/party").headers["Cache-Control"])

    def test_head(self):
        connection = http.client.HTTPConnection("127.0.0.1", instance().port, timeout=10)
        connection.request("HEAD", "/healthz")
        self.assertEqual(200, connection.getresponse().status)
        connection.close()


class Limits(Case):
    """An instance of its own: one that lets a stranger ask little, and knows one platform's origin."""

    @classmethod
    def setUpClass(cls):
        cls.own = client.Instance({"gateway.rate_per_minute": 30, "gateway.cors_origins": "https://platform.example;https://b.example"})
        cls.addClassCleanup(cls.own.stop)

    def test_cors_then_429(self):
        asked = {"Origin": "https://platform.example", "Access-Control-Request-Method": "POST"}
        before = self.own.gateway_call("OPTIONS", "/v1/consents", headers=asked)
        self.assertIn(before.status, (200, 204))
        self.assertEqual("https://platform.example", before.headers["Access-Control-Allow-Origin"])
        self.assertIn("POST", before.headers["Access-Control-Allow-Methods"])
        self.assertIn("authorization", before.headers["Access-Control-Allow-Headers"].lower())
        self.assertIsNone(before.headers["Access-Control-Allow-Credentials"])
        self.assertIn("Origin", before.headers["Vary"])
        for origin in ("https://evil.example", "null", "https://platform.example.evil.example", "http://platform.example"):
            self.assertIsNone(self.own.gateway_call("GET", "/healthz", headers={"Origin": origin}).headers["Access-Control-Allow-Origin"])
        self.assertRegex(self.own.gateway_call("GET", "/join").headers["Content-Security-Policy"],
                         r"frame-ancestors[^;]* https://platform\.example https://b\.example")
        answers = [self.own.gateway_call("GET", "/v1/party", token="nobody") for _ in range(60)]
        limited = [answer for answer in answers if answer.status == 429]
        self.assertTrue(limited)
        self.problem(limited[-1], "rate")
