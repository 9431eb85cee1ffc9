"""The servers under test, each started afresh for one run: `with ALL[name]() as server` gives its pid and what the load
generator needs to know to reach it."""
import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

TOP = pathlib.Path(__file__).resolve().parents[3]
BUILT = TOP / "build/bench"
TOOLS = pathlib.Path(os.environ["APARTE_BENCH"])
sys.path.insert(0, str(TOP / "tests/testlib"))
import aparte_client  # noqa: E402


class Server:
    def __init__(self, pid, generator):
        self.pid, self.generator = pid, generator


@contextlib.contextmanager
def _ended(process):
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)


@contextlib.contextmanager
def floor():
    """recvmmsg, unprotect, protect, sendmmsg: no ICE, no DTLS, no RTCP, fixed keys."""
    with _ended(subprocess.Popen([BUILT / "relay", "127.0.0.2", "5000", "gcm", "own"])) as relay:
        time.sleep(0.2)
        yield Server(relay.pid, ["-b", "raw", "-u", "127.0.0.2:5000"])


@contextlib.contextmanager
def aparte():
    """Gateway, vault and capture as in production; the gateway is what is measured."""
    instance = aparte_client.Instance({"gateway.rate_per_minute": 1000000})
    try:
        yield Server(_gateway_of(instance), ["-b", "aparte", "-u", f"http://127.0.0.1:{instance.port}",
                                             "-k", instance.demo["api_key"]])
    finally:
        instance.stop()


def _gateway_of(instance):
    listening = subprocess.run(["ss", "-lntpH", f"sport = :{instance.port}"], capture_output=True, text=True).stdout
    return int(listening.split("pid=")[1].split(",")[0])


@contextlib.contextmanager
def janus(library=None):
    """Debian's Janus 1.1, its VideoCall plugin, in the foreground."""
    environment = dict(os.environ, JLIB=str(library) if library else "")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as place:
        command = ["sh", TOOLS / "janus-run.sh", place]
        with _ended(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)) as process:
            _answers("http://127.0.0.1:8088/janus/info")
            yield Server(process.pid, ["-b", "janus", "-u", "http://127.0.0.1:8088/janus"])


def _answers(url):
    deadline = time.monotonic() + 15
    while True:
        try:
            return urllib.request.urlopen(url, timeout=2).read()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def janus_openssl():
    return janus(BUILT / "srtp")


ALL = {"floor": floor, "aparte": aparte, "janus": janus, "janus-openssl": janus_openssl}
