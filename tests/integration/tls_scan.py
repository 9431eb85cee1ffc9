#!/usr/bin/python3
"""Both TLS listeners of a real instance under testssl.sh: no finding above LOW.

    APARTE_BIN=build/dev/bin tls_scan.py

APARTE_TORTURE_SECONDS set: every check of testssl.sh, the simulated clients and each cipher too.
The certificate is of an authority made here and given to testssl.sh, so that even trust is tested.
"""
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "testlib"))
from aparte_client import Instance  # noqa: E402

BAD = {"MEDIUM", "HIGH", "CRITICAL", "FATAL"}
# What an authority on a test machine cannot have; everything else of the certificate is tested.
EXEMPT = {
    "cert_revocation": "a private authority publishes no revocation list and answers no OCSP",
}
# Sections of the bounded run: protocols, what the server prefers and shows, headers, renegotiation.
BOUNDED = ["-p", "-P", "-S", "-h", "-R"]
# Findings that must be there, so that an empty scan is not taken for a good one: (id, how its words begin).
EXPECTED = {"SSLv2": "not offered", "SSLv3": "not offered", "TLS1": "not offered", "TLS1_1": "not offered", "TLS1_2": "not offered",
            "TLS1_3": "offered", "cert_chain_of_trust": "passed", "HSTS_time": "365 days", "secure_client_renego": ""}


def openssl(*arguments, cwd):
    subprocess.run(["openssl", *arguments], cwd=cwd, check=True, capture_output=True)


def make_authority(directory):
    """ca.pem, and cert.pem (leaf, then authority) with key.pem for this machine's loopback."""
    directory.mkdir()
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *curve, "-days", "365", "-subj", "/CN=Test authority", "-keyout", "ca.key", "-out", "ca.pem", cwd=directory)
    openssl("req", *curve, "-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "leaf.csr", cwd=directory)
    (directory / "leaf.ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n"
                                        "keyUsage=digitalSignature\nbasicConstraints=CA:FALSE\n")
    openssl("x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "90",
            "-extfile", "leaf.ext", "-out", "leaf.pem", cwd=directory)
    (directory / "cert.pem").write_text((directory / "leaf.pem").read_text() + (directory / "ca.pem").read_text())
    directory.chmod(0o700)


def scan(port, place, sections):
    """testssl.sh's findings: [{id, severity, finding}]."""
    report = place / f"{port}.json"
    done = subprocess.run(["testssl", "--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--ip", "127.0.0.1",
                           "--add-ca", place / "tls/ca.pem", "--jsonfile", report, *sections, f"https://localhost:{port}"],
                          capture_output=True, text=True, cwd=place, timeout=1500, stdin=subprocess.DEVNULL)
    assert report.exists(), done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads(report.read_text())


class Scan(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = pathlib.Path(tempfile.mkdtemp(prefix="aparte-scan-"))
        cls.addClassCleanup(shutil.rmtree, cls.place)
        make_authority(cls.place / "tls")
        files = {f"{section}.{key}": cls.place / "tls" / name for section in ("gateway", "vault")
                 for key, name in (("tls_certificate", "cert.pem"), ("tls_key", "key.pem"))}
        cls.instance = Instance({**files, "gateway.rate_per_minute": 100000})
        cls.addClassCleanup(cls.instance.stop)
        cls.sections = [] if os.environ.get("APARTE_TORTURE_SECONDS") else BOUNDED

    def judge(self, port):
        findings = scan(port, self.place, self.sections)
        for finding in findings:
            if finding["severity"] not in ("OK", "INFO"):
                print(finding["severity"], finding["id"], finding["finding"], flush=True)
        said = {}
        for finding in findings:
            said.setdefault(finding["id"], finding["finding"])
        for name, words in EXPECTED.items():
            self.assertTrue(said.get(name, "nothing").startswith(words), f"{name}: {said.get(name)}")
        self.assertEqual([], [f for f in findings if f["severity"] in BAD and f["id"] not in EXEMPT])

    def test_no_finding_above_low(self):
        with concurrent.futures.ThreadPoolExecutor() as both:
            for done in [both.submit(self.judge, port) for port in (self.instance.port, self.instance.vault)]:
                done.result()


if __name__ == "__main__":
    unittest.main()
