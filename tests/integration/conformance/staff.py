"""The vault's staff routes: logins, cookies, roles, and what every call refuses. Recordings themselves: recorded.py."""
import os
import subprocess
import uuid

import aparte_client as client
from world import Case, instance, is_count, is_id, is_text, is_time, is_token, list_of, staff

POLICY = "/v1/policies/default"


class Login(Case):
    def test_answer_and_cookie(self):
        user = client.Staff(instance(), instance().demo["auditor"])
        answer = user.try_login()
        self.good(answer, 200, {"token": is_token, "expires": is_time})
        cookie = answer.headers["Set-Cookie"]
        self.assertTrue(cookie.startswith(f"aparte_vault_{instance().vault}="), cookie)
        parts = {part.strip().lower() for part in cookie.split(";")[1:]}
        self.assertLessEqual({"httponly", "samesite=strict"}, parts)
        self.assertNotIn("secure", parts, "plain HTTP on loopback")
        self.assertNotIn("domain", "".join(parts))

    def test_a_code_works_once(self):
        user = client.Staff(instance(), instance().demo["supervisor"])
        code = user.code(ahead=0)
        self.good(user.try_login(totp=code))
        self.problem(user.try_login(totp=code), "totp-replayed")

    def test_wrong_credentials_are_told_apart_by_nothing(self):
        user = client.Staff(instance(), instance().demo["auditor"])
        bad = [user.try_login(password="wrong", totp="000000"), user.try_login(user="nobody", totp="000000"),
               user.try_login(totp="000000"), user.try_login(user="nobody" * 20, totp="000000"), user.try_login(totp="x" * 300)]
        for answer in bad:
            self.problem(answer, "credentials")
        self.assertEqual(1, len({answer.body for answer in bad}))

    def test_many_wrong_ones_are_slowed_down(self):
        body = {"user": "someone", "password": "wrong", "totp": "000000"}
        answers = [instance().vault_call("POST", "/v1/login", body) for _ in range(12)]
        self.assertEqual("credentials", answers[0].error)
        self.problem(answers[-1], "rate")

    def test_form(self):
        for body in ("{", "[]", '{"user":"admin"}', '{"user":7,"password":"x","totp":"1"}'):
            self.problem(instance().vault_call("POST", "/v1/login", body), "malformed")
        self.problem(instance().vault_call("POST", "/v1/login", "a=b", media="application/x-www-form-urlencoded"), "media-type")
        self.problem(instance().vault_call("POST", "/v1/login", "x" * 100000), "too-large")

    def test_cookie_and_csrf(self):
        user = staff("supervisor")
        cookie = {"Cookie": user.cookie}
        own = f"http://127.0.0.1:{instance().vault}"
        path = f"/v1/recordings/{uuid.uuid4()}/accesses"
        body = {"purpose": "supervision", "reason": "x"}
        self.assertEqual(200, instance().vault_call("GET", "/v1/recordings", headers=cookie).status)
        for origin in (None, "https://evil.example", "null", f"http://127.0.0.1:{instance().port}", own + "0"):
            headers = {**cookie, **({"Origin": origin} if origin else {})}
            self.problem(instance().vault_call("POST", path, body, headers=headers), "csrf")
        for media in ("text/plain", "multipart/form-data"):
            answer = instance().vault_call("POST", path, body, media=media, headers={**cookie, "Origin": own})
            self.assertIn(answer.error, ("csrf", "media-type"))
        self.problem(instance().vault_call("POST", path, body, headers={**cookie, "Origin": own}), "not-found")
        self.problem(instance().vault_call("DELETE", "/v1/login", headers=cookie), "csrf")

    def test_logging_out_ends_the_token(self):
        user = client.Staff(instance(), instance().demo["admin2"]).login()
        self.assertEqual(200, user.call("GET", "/v1/grants").status)
        self.assertIn(user.call("DELETE", "/v1/login").status, (200, 204))
        self.problem(user.call("GET", "/v1/grants"), "token-invalid")

    def test_a_disabled_user_is_out_at_once(self):
        name = f"u{uuid.uuid4().hex[:8]}"
        made = self.good(instance().admin_call("POST", "/v1/users", {"user": name, "role": "supervisor"}), 201,
                         {"user": is_text, "role": is_text, "password": is_text, "totp_secret": is_text})
        user = client.Staff(instance(), made).login()
        self.assertEqual(200, user.call("GET", "/v1/recordings").status)
        self.assertIn(instance().admin_call("POST", f"/v1/users/{name}/disable", {}).status, (200, 204))
        self.problem(user.call("GET", "/v1/recordings"), "token-invalid")
        self.problem(user.try_login(), "credentials")


class Roles(Case):
    """Who may call what: every row of the contract's table, and everybody else refused."""
    ID = str(uuid.uuid4())
    ROWS = [
        ("GET", "/v1/recordings", None, {"supervisor", "admin"}),
        ("GET", f"/v1/recordings/{ID}", None, {"supervisor", "admin"}),
        ("POST", f"/v1/recordings/{ID}/accesses", {"purpose": "supervision", "reason": "r"}, {"supervisor"}),
        ("GET", f"/v1/recordings/{ID}/tracks/coach", None, {"supervisor"}),
        ("POST", "/v1/grants", {"recording": ID, "supervisor": "supervisor", "purpose": "supervision", "expires": client.now(99)}, {"admin"}),
        ("DELETE", f"/v1/grants/{ID}", None, {"admin"}),
        ("GET", POLICY, None, {"admin"}),
        ("PUT", POLICY, {}, {"admin"}),
        ("POST", POLICY + "/preview", {}, {"admin"}),
        ("GET", "/v1/requests", None, {"admin"}),
        ("POST", f"/v1/requests/{ID}/execute", {}, {"admin"}),
        ("POST", "/v1/erasures", {"recording": ID}, {"admin"}),
        ("POST", "/v1/holds", {"recording": ID, "ground": "law", "reason": "r", "ends": client.now(99)}, {"admin"}),
        ("DELETE", f"/v1/holds/{ID}", None, {"admin"}),
        ("GET", "/v1/accesses", None, {"auditor", "admin"}),
    ]
    ALSO = {("auditor", "GET", POLICY)}  # reading the terms is an auditor's work

    def test_table(self):
        for method, path, body, may in self.ROWS:
            with self.subTest(f"{method} {path}"):
                self.problem(instance().vault_call(method, path, body), "token-invalid")
                self.problem(instance().vault_call(method, path, body, token="x" * 43), "token-invalid")
                for name in ("supervisor", "auditor", "admin"):
                    answer = staff(name).call(method, path, body)
                    if name in may:
                        self.assertNotIn(answer.error, ("role", "token-invalid"), f"{name}: {answer}")
                    elif (name, method, path) not in self.ALSO:
                        self.problem(answer, "role")

    def test_tokens_of_the_gateway_are_nothing_here(self):
        _, coach, _ = instance().session()
        for token in (coach.token, instance().demo["api_key"]):
            self.problem(instance().vault_call("GET", "/v1/recordings", token=token), "token-invalid")
        self.problem(instance().gateway_call("GET", "/v1/party", token=staff("admin").token), "token-invalid")

    def test_bad_input_everywhere(self):
        admin = staff("admin")
        for method, path, body, _ in self.ROWS:
            if not isinstance(body, dict):
                continue
            user = staff("supervisor") if "accesses" in path else admin
            with self.subTest(f"{method} {path}"):
                for text in ("{", "[]", "7", '"x"', b"\xff"):
                    self.problem(user.call(method, path, text), "malformed")
                self.problem(user.call(method, path, "x" * 200000), "too-large")
                self.problem(user.call(method, path, "{}", media="text/plain"), "media-type")
                self.assertEqual(405, user.call("BREW", path).status)
                for name, value in body.items():
                    answer = user.call(method, path, {**body, name: {"a": 7}})
                    self.assertTrue(400 <= answer.status < 500 and answer.error, f"{name}: {answer}")

    def test_shapes_of_lists(self):
        admin, auditor = staff("admin"), staff("auditor")
        self.good(admin.call("GET", "/v1/recordings"), 200, {"recordings": list_of({"id": is_id, "session": is_id, "state": is_text})})
        self.good(auditor.call("GET", "/v1/accesses"), 200, {"accesses": list_of({"id": is_id, "recording": is_id, "begun": is_time})})
        self.good(admin.call("GET", "/v1/grants"), 200, {"grants": list_of({"id": is_id})})


class Policies(Case):
    def test_get_put_preview(self):
        admin = staff("admin")
        terms = self.good(admin.call("GET", POLICY), 200, {"name": is_text, "version": is_count})["document"]
        self.good(admin.call("POST", POLICY + "/preview", terms), 200, {"recordings": list_of({"recording": is_id, "would_expire": is_time})})
        self.problem(admin.call("GET", "/v1/policies/no-such"), "not-found")
        self.assertIn(admin.call("PUT", POLICY, {"purposes": 7}).error, ("invalid", "malformed"))
        self.problem(admin.call("PUT", "/v1/policies/other", terms), "invalid")
        self.assertEqual(terms, admin.call("GET", POLICY).json["document"], "nothing was changed by that")


class Requests(Case):
    def request(self, kind="access"):
        _, coach, _ = instance().session()
        made = coach.call("POST", "/v1/party/requests", {"type": kind, "detail": "d"}).json
        return coach, made["id"]

    def test_extend_then_refuse_with_reasons(self):
        admin = staff("admin")
        coach, request = self.request()
        shown = self.good(admin.call("GET", "/v1/requests"), 200, {"requests": list_of({"id": is_id, "type": is_text, "state": is_text, "due": is_time})})
        due = next(one for one in shown["requests"] if one["id"] == request)["due"]
        self.assertIn(admin.call("POST", f"/v1/requests/{request}/extend", {}).error, ("invalid", "malformed"), "an extension is told with its reason")
        longer = self.good(admin.call("POST", f"/v1/requests/{request}/extend", {"reason": "many of them"}))
        self.assertGreater(longer["due"], due)
        self.assertIn(admin.call("POST", f"/v1/requests/{request}/refuse", {}).error, ("invalid", "malformed"), "a refusal states its reason")
        self.problem(admin.call("POST", f"/v1/requests/{request}/refuse", {"reason": "no"}), "invalid")  # and its article
        self.good(admin.call("POST", f"/v1/requests/{request}/refuse", {"reason": "the law says so", "article": "art. 12(5)(b) GDPR"}))
        seen = coach.call("GET", f"/v1/party/requests/{request}").json
        self.assertIn("the law says so", str(seen), "and the person is told")
        self.problem(admin.call("POST", f"/v1/requests/{request}/execute", {"reason": "x"}), "conflict")
        self.problem(admin.call("POST", f"/v1/requests/{request}/forget", {}), "not-found")

    def test_execute(self):
        wishes = {"access": {}, "portability": {}, "objection": {"purposes": ["research"]}, "rectification": {"changes": {"locale": "en"}}}
        for kind, wish in wishes.items():
            coach, request = self.request(kind)
            done = staff("admin").call("POST", f"/v1/requests/{request}/execute", {"reason": "done", **wish})
            self.assertIn(done.status, (200, 201, 409), f"{kind}: {done}")


class AdminSocket(Case):
    def test_acts_as_a_named_admin(self):
        self.assertEqual(200, instance().admin_call("GET", "/v1/requests").status)
        self.problem(instance().admin_call("GET", "/v1/requests", admin="supervisor"), "role")
        self.problem(instance().admin_call("GET", "/v1/requests", admin="nobody"), "role")
        unnamed = instance().admin_call("POST", "/v1/erasures", {"recording": str(uuid.uuid4())}, admin=None)
        self.problem(unnamed, "not-found")  # it acted as the first admin

    def test_setting_up_is_for_the_socket_alone(self):
        for method, path in (("POST", "/v1/users"), ("POST", "/v1/tenants"), ("POST", "/v1/tenants/demo/keys")):
            self.problem(staff("admin").call(method, path, {}), "role")

    def test_other_users_are_refused(self):
        if os.getuid() != 0:
            self.skipTest("only root can try as another user")
        outer = instance().home, instance().home / "run", instance().admin_socket
        modes = [path.stat().st_mode & 0o777 for path in outer]
        self.assertEqual([0o700, 0o700, 0o600], modes)
        code = f"import socket; s = socket.socket(socket.AF_UNIX); s.connect({str(instance().admin_socket)!r}); " \
               "s.send(b'GET /v1/users HTTP/1.1\\r\\nHost: x\\r\\nAparte-Admin: admin\\r\\n\\r\\n'); print(s.makefile().read())"
        stranger = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "/usr/bin/python3", "-c", code]
        self.assertNotEqual(0, subprocess.run(stranger, capture_output=True).returncode)
        try:
            for path, mode in zip(outer, (0o755, 0o755, 0o666)):  # and were the files open, the peer's credentials are looked at
                path.chmod(mode)
            done = subprocess.run(stranger, capture_output=True, text=True)
            self.assertRegex(done.stdout, r"^HTTP/1.1 403 ", done)
            self.assertIn("urn:aparte:error:role", done.stdout)
        finally:
            for path, mode in zip(outer, modes):
                path.chmod(mode)
