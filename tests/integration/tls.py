#!/usr/bin/python3
"""Both listeners under TLS, with a certificate made here: what is served, to whom it is refused, and when the start is.

    APARTE_BIN=build/dev/bin tls.py [-v]
"""
import http.client
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "testlib"))
from aparte_client import Instance, Staff, until  # noqa: E402

NOBODY = 65534
OPERATOR = {"operator.controller_name": "Cabinet Delorme", "operator.controller_contact": "contact@example.org",
            "operator.dpo": "dpo@example.org", "operator.impact_assessment": "AIPD-2026-1"}


def make_certificate(directory):
    """cert.pem and key.pem for this machine's loopback."""
    directory.mkdir()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", directory / "key.pem", "-out", directory / "cert.pem"], check=True, capture_output=True)
    return directory


class World(Instance):
    """An instance that can be refused its start, or be started as another user."""

    def __init__(self, config=None, user=None):
        self.wrap = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
        self.user = user
        super().__init__(config)

    def cli(self, *arguments):
        if self.user and arguments == ("init",):
            os.chown(self.place, self.user, self.user)
        done = self.try_cli(*arguments)
        assert done.returncode == 0, f"aparte {' '.join(arguments)}: {done.stderr}\n{self.log()[-3000:]}"
        return done.stdout

    def try_cli(self, *arguments, before=()):
        return subprocess.run([*before, *self.wrap, self.bin / "aparte", *arguments], env=self.env, capture_output=True,
                              text=True, timeout=60)

    def stop(self):
        self.try_cli("serve", "--stop")
        super().stop()


class Made(World):
    """Only made, not started: for starts that are refused."""

    def cli(self, *arguments):
        return super().cli(*arguments) if arguments == ("init",) else (self.home / "demo.json").write_text("{}")


class UnderTls(unittest.TestCase):
    user = None

    @classmethod
    def setUpClass(cls):
        cls.place = pathlib.Path(tempfile.mkdtemp(prefix="aparte-tls-"))
        cls.place.chmod(0o755)
        files = make_certificate(cls.place / "tls")
        if cls.user:
            for path in (files, *files.iterdir()):
                os.chown(path, cls.user, cls.user)
        else:
            files.chmod(0o700)  # as root: no process but the launcher gets here
        cls.certificate = files / "cert.pem"
        try:
            cls.instance = World({f"{section}.{key}": files / name for section in ("gateway", "vault")
                                  for key, name in (("tls_certificate", "cert.pem"), ("tls_key", "key.pem"))}, cls.user)
        except BaseException:
            shutil.rmtree(cls.place)
            raise

    @classmethod
    def tearDownClass(cls):
        cls.instance.stop()
        shutil.rmtree(cls.place)

    def ports(self):
        return self.instance.port, self.instance.vault

    def context(self, version=None, ciphers=None):
        context = ssl.create_default_context(cafile=self.certificate)
        if version:
            context.minimum_version = context.maximum_version = version
        if ciphers:
            context.set_ciphers(ciphers)
        return context

    def request(self, port, method, path, body=None, headers=None):
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=self.context(), timeout=20)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()

    def test_both_listeners_answer_and_insist_on_it(self):
        for port in self.ports():
            answer, _ = self.request(port, "GET", "/readyz")
            self.assertEqual(answer.status, 200)
            self.assertRegex(answer.headers["Strict-Transport-Security"], r"^max-age=\d{7,}$")

    def test_addresses_are_https(self):
        demo = self.instance.demo
        self.assertEqual(demo["gateway"], f"https://127.0.0.1:{self.instance.port}")
        self.assertEqual(demo["vault"], f"https://127.0.0.1:{self.instance.vault}")
        self.assertTrue(demo["session"]["coach"]["join_url"].startswith(demo["gateway"] + "/join#"))

    def test_the_cookie_is_secure(self):
        login = self.instance.demo["supervisor"]
        own = f"https://127.0.0.1:{self.instance.vault}"

        def try_login():
            body = json.dumps({"user": login["user"], "password": login["password"],
                               "totp": Staff(self.instance, login).code()})
            return self.request(self.instance.vault, "POST", "/v1/login", body,
                                {"Content-Type": "application/json", "Origin": own})[0]
        answer = try_login()
        if answer.status == 401:  # a code that was too late by the time the server came to it
            answer = try_login()
        self.assertEqual(answer.status, 200)
        cookie = answer.headers["Set-Cookie"]
        self.assertTrue({"Secure", "HttpOnly", "SameSite=Strict"} <= set(cookie.split("; ")), cookie)
        kept = {"Cookie": cookie.split(";")[0], "Content-Type": "application/json"}
        strange, body = self.request(self.instance.vault, "DELETE", "/v1/login", "{}", {**kept, "Origin": own.replace("s:", ":")})
        self.assertEqual((strange.status, json.loads(body)["type"]), (403, "urn:aparte:error:csrf"))
        ended, _ = self.request(self.instance.vault, "DELETE", "/v1/login", "{}", {**kept, "Origin": own})
        self.assertEqual(ended.status, 204)

    def test_events_and_large_answers_arrive(self):
        connection = http.client.HTTPSConnection("127.0.0.1", self.instance.port, context=self.context(), timeout=20)
        token = self.instance.demo["session"]["coach"]["token"]
        connection.request("GET", "/v1/events", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        self.assertEqual(answer.status, 200)
        self.assertTrue(any(line.startswith(b"event: gate") or line.startswith(b"event:gate") for line in answer))
        connection.close()
        page, body = self.request(self.instance.port, "GET", "/join")
        self.assertEqual((page.status, len(body)), (200, int(page.headers["Content-Length"])))

    def handshake(self, port, context):
        with socket.create_connection(("127.0.0.1", port), 10) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as tls:
                return tls.version(), tls.cipher()[0]

    def test_versions_and_ciphers(self):
        for port in self.ports():
            version, cipher = self.handshake(port, self.context(ssl.TLSVersion.TLSv1_3))
            self.assertEqual(version, "TLSv1.3")
            self.assertRegex(cipher, "GCM|CHACHA20")
            for old in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2):
                self.refused(port, self.context(old, "ALL:@SECLEVEL=0"))

    def refused(self, port, context):
        """By the other side: our own library would have agreed."""
        with self.assertRaises((ssl.SSLError, ConnectionError)) as caught:
            self.handshake(port, context)
        self.assertNotRegex(str(caught.exception), "NO_PROTOCOLS|NO_CIPHERS|CERTIFICATE")

    def test_plain_http_gets_nothing(self):
        for port in self.ports():
            with socket.create_connection(("127.0.0.1", port), 10) as plain:
                plain.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                told = b""
                try:
                    while piece := plain.recv(4096):
                        told += piece
                except ConnectionError:
                    pass
            self.assertNotIn(b"HTTP/", told)
            self.assertEqual(self.request(port, "GET", "/healthz")[0].status, 200)

    def test_no_process_keeps_the_key(self):
        pid = int((self.instance.home / "run/serve.pid").read_text().split()[0])
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        self.assertEqual(len(children), 3)
        for child in [str(pid), *children]:
            held = [os.readlink(entry) for entry in pathlib.Path(f"/proc/{child}/fd").iterdir() if entry.is_symlink()]
            self.assertFalse([path for path in held if path.endswith(".pem")])

    def test_a_restarted_process_has_it_again(self):
        pid = int((self.instance.home / "run/serve.pid").read_text().split()[0])
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        gateway = next(int(child) for child in children
                       if os.readlink(f"/proc/{child}/exe").endswith("aparte-gateway"))
        os.kill(gateway, 9)
        while os.path.exists(f"/proc/{gateway}"):
            pass
        self.assertEqual(self.request(self.instance.port, "GET", "/healthz")[0].status, 200)  # waits in the backlog
        until("it is ready", lambda: self.request(self.instance.port, "GET", "/readyz")[0].status == 200, 30)  # with its vault


@unittest.skipIf(os.getuid() != 0, "started as a plain user anyway")
class UnderTlsAsPlainUser(UnderTls):
    user = NOBODY


class Refused(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.instance = Made()
        cls.pristine = (cls.instance.home / "aparte.conf").read_text()
        cls.tls = make_certificate(cls.instance.place / "tls")
        cls.other = make_certificate(cls.instance.place / "other")

    @classmethod
    def tearDownClass(cls):
        cls.instance.stop()

    def refuse(self, message, config, environment=None):
        (self.instance.home / "aparte.conf").write_text(self.pristine)
        self.instance.configure(config)
        trace = self.instance.place / "trace"
        kept = {name: value for name, value in self.instance.env.items()
                if name not in ("APARTE_GATEWAY_PORT", "APARTE_VAULT_PORT")}
        done = subprocess.run(["strace", "-f", "-qq", "-e", "trace=bind,listen", "-o", trace, self.instance.bin / "aparte", "serve",
                               "--detach"], env={**kept, **(environment or {})}, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stderr, message)
        self.assertNotRegex(trace.read_text(), r"AF_INET|listen\(")

    def files(self, section, certificate=None, key=None):
        return {f"{section}.tls_certificate": certificate or self.tls / "cert.pem",
                f"{section}.tls_key": key or self.tls / "key.pem"}

    def at(self, where, section="gateway"):
        return {f"{section}.listen": f"{where}:{self.instance.port}"}

    def test_off_loopback_without_tls(self):
        for section in ("gateway", "vault"):
            for where in ("0.0.0.0", "[::]", "192.0.2.1"):
                self.refuse("plain HTTP is refused: set tls_certificate and tls_key", self.at(where, section))

    def test_off_loopback_with_the_key_in_a_file(self):
        self.refuse("key-encryption key in a file is refused", {**self.at("0.0.0.0"), **self.files("gateway")})

    def test_half_of_a_pair(self):
        self.refuse("set together", {"gateway.tls_certificate": self.tls / "cert.pem"})
        self.refuse("set together", {"vault.tls_key": self.tls / "key.pem"})

    def test_files_that_do_not_fit(self):
        self.refuse("do not belong together", self.files("gateway", key=self.other / "key.pem"))
        self.refuse("do not belong together", self.files("vault", certificate=self.tls / "key.pem"))
        self.refuse("cannot be read", self.files("gateway", certificate=self.tls / "none.pem"))
        self.refuse("cannot be read", self.files("gateway", certificate=self.tls))

    def test_a_key_that_everyone_may_read(self):
        shown = self.tls / "shown.pem"
        shutil.copy(self.tls / "key.pem", shown)
        shown.chmod(0o644)
        self.refuse("everyone may read", self.files("gateway", key=shown))


class OffLoopback(unittest.TestCase):
    """Reached from elsewhere through a proxy on this machine: the rules for that hold although both listen on loopback."""
    config = {"gateway.public_url": "https://coaching.example.org", "kek.allow_file_off_loopback": "true"}

    def reasons(self, config):
        instance = Instance(config)
        try:
            answer = instance.platform("POST", "/v1/sessions", instance.session_body())
            self.assertEqual(answer.status, 201, answer)
            self.assertTrue(answer.json["parties"]["coach"]["join_url"].startswith("https://coaching.example.org/join#"))
            gate = instance.platform("GET", f"/v1/sessions/{answer.json['id']}").json["gate"]
            self.assertEqual(gate["state"], "closed")
            return gate["reasons"]
        finally:
            instance.stop()

    def test_who_is_responsible_is_named_before_a_gate_opens(self):
        self.assertNotIn("policy", self.reasons({**self.config, **OPERATOR}))
        for missing in ("operator.controller_name", "operator.dpo", "operator.impact_assessment"):
            with self.subTest(missing):
                self.assertIn("policy", self.reasons({**self.config, **OPERATOR, missing: ""}))

    def test_the_key_in_a_file_is_refused(self):
        with self.assertRaisesRegex(AssertionError, "key-encryption key|kek"):
            Instance({"gateway.public_url": "https://coaching.example.org"})


if __name__ == "__main__":
    unittest.main()
