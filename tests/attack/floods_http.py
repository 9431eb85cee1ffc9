"""Floods of the two HTTP listeners: what never ends, what is never read, streams, logins."""
import contextlib
import json
import os
import pathlib
import re
import select
import signal
import socket
import threading
import time

from floods_world import client

SLOW_HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
SLOW_BODY = b"POST /v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n{"
UNREAD = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n"
HONEST_S = 3.0


def address(n):
    """One of many loopback addresses."""
    return f"127.{1 + n // 60000}.{n // 250 % 240}.{n % 250 + 1}"


def dial(port, n, small=False):
    s = socket.socket()
    if small:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    s.bind((address(n), 0))
    s.settimeout(5)
    s.connect(("127.0.0.1", port))
    return s


def drip(port, count, first, then, small=False):
    """Holds so many connections, a byte a second on each; one that is closed comes again."""
    held = []
    for n in range(count):
        with contextlib.suppress(OSError):
            s = dial(port, n, small)
            s.sendall(first)
            s.setblocking(False)
            held.append((n, s))
    while True:
        for i, (n, s) in enumerate(held):
            try:
                if then:
                    s.send(then)
            except BlockingIOError:
                pass
            except OSError:
                s.close()
                with contextlib.suppress(OSError):
                    s = dial(port, n, small)
                    s.sendall(first)
                    s.setblocking(False)
                    held[i] = (n, s)
        time.sleep(1)


def behind():
    """The kernel divides time by sessions first, where it has autogroups."""
    os.setsid()
    os.nice(10)
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/autogroup").write_text("10")


@contextlib.contextmanager
def elsewhere(work, *arguments):
    """Does it in another process, as another machine would: behind everybody here."""
    pid = os.fork()
    if pid == 0:
        behind()
        with contextlib.suppress(BaseException):
            work(*arguments)
        os._exit(0)
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def honest(w, port, path="/healthz"):
    """The slowest of five honest requests, s."""
    slowest = 0
    for _ in range(5):
        begun = time.monotonic()
        answer = client.call(port, "GET", path)
        assert answer.status == 200, answer
        slowest = max(slowest, time.monotonic() - begun)
    return slowest


def slow(w, what, port, count, first, then, small=False):
    def flood():
        with elsewhere(drip, port, count, first, then, small):
            time.sleep(w.span + 1)
            took = honest(w, port)
            print(f"     {count} x {what}: an honest request took {took:.2f} s")
            assert took < HONEST_S, f"{what}: an honest request took {took:.2f} s"
    w.endures(what, flood)


def heads_without_end(w):
    slow(w, "heads without end at the gateway", w.instance.port, 7000, SLOW_HEAD, b"a")
    slow(w, "heads without end at the vault", w.instance.vault, 1000, SLOW_HEAD, b"a")


def bodies_without_end(w):
    slow(w, "bodies without end at the vault", w.instance.vault, 1000, SLOW_BODY, b" ")


def answers_never_read(w):
    slow(w, "answers never read at the gateway", w.instance.port, 3000, UNREAD % b"/web/call/media.js", b"", small=True)


def silent_connections(w):
    slow(w, "connections without a word", w.instance.port, 7000, b"", b"")


# ---- streams ----

EVENTS = "GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n"


def open_streams(port, tokens, count, tell):
    """Opens and keeps streams, in turns over the tokens; tells how each was answered."""
    poll, statuses, held, open_at_once = select.epoll(), {}, {}, 0
    def take(seconds):
        for fd, _ in poll.poll(seconds):
            s = held.get(fd)
            try:
                data = s.recv(4096)
            except OSError:
                data = b""
            word = data.split(b" ")[1].decode() if data.startswith(b"HTTP/1.1 ") else "closed" if not data else None
            if word and fd not in answered:
                answered.add(fd)
                retry = "+retry" if b"Retry-After" in data else ""
                statuses[word + retry] = statuses.get(word + retry, 0) + 1
            if not data:
                poll.unregister(fd)
                s.close()
                del held[fd]
    answered = set()
    for n in range(count):
        try:
            s = dial(port, n)
            s.sendall((EVENTS % tokens[n % len(tokens)]).encode())
        except OSError:
            statuses["refused"] = statuses.get("refused", 0) + 1
            continue
        answered.discard(s.fileno())
        held[s.fileno()] = s
        poll.register(s.fileno(), select.EPOLLIN)
        if n % 50 == 49:
            take(0)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and sum(statuses.values()) < count:
        take(0.2)
    os.write(tell, json.dumps(statuses).encode())
    while True:
        take(1)


def ten_thousand_streams(w):
    tokens = [token for token in w.sessions(500)]
    pages = [party.listen() for party in (w.coach, w.coachee)]
    before = w.gateway.memory()
    def flood():
        ours, theirs = os.pipe()
        with elsewhere(open_streams, w.instance.port, tokens, 10000, theirs):
            statuses = json.loads(os.read(ours, 4096))
            held, memory = statuses.get("200", 0), w.gateway.memory()
            print(f"     {statuses}, {(memory - before) / max(held, 1):.1f} KiB a stream")
            assert held >= 1000 and held <= 4000, statuses
            assert sum(statuses.values()) == 10000, statuses
            assert set(statuses) <= {"200", "429+retry", "503+retry"}, statuses
            begun = time.monotonic()
            mark = f"hello {begun}"
            assert w.coach.call("POST", "/v1/party/messages", json.dumps(mark)).status == 204
            pages[1].wait("peer", lambda data: data == mark, 5)
            took = time.monotonic() - begun
            print(f"     an event reached the other person's page in {took * 1000:.0f} ms")
            assert took < 1, took
        os.close(ours)
        os.close(theirs)
    try:
        w.endures("10,000 event streams", flood)
    finally:
        for page in pages:
            page.close()


def streams_of_one_token(w):
    """One person's token cannot take all the streams there may be."""
    token = w.sessions(1)[0]
    ours, theirs = os.pipe()
    with elsewhere(open_streams, w.instance.port, [token], 200, theirs):
        statuses = json.loads(os.read(ours, 4096))
        print(f"     {statuses}")
        assert statuses.get("200", 0) <= 16 and statuses.get("429+retry", 0) >= 184, statuses


# ---- logins ----

FREE = 5  # wrong guesses before an account locks


def guess(w, user, password="not the password", totp="000000"):
    return client.call(w.instance.vault, "POST", "/v1/login", {"user": user, "password": password, "totp": totp})


def guess_at_once(w, user, count):
    answers = []
    def one():
        answers.append(guess(w, user))
    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def parallel_guesses(w):
    """No more of them are compared than one after the other; and nothing tells a user that exists from one that does not."""
    for user in (w.instance.demo["supervisor"]["user"], "nobody-at-all"):
        answers = guess_at_once(w, user, 30)
        compared = sum(a.status == 401 for a in answers)
        print(f"     {compared} of {len(answers)} guesses compared, {sorted({(a.status, a.error) for a in answers})}")
        assert compared <= FREE, f"{user}: {compared} guesses at once"
        assert {a.status for a in answers} <= {401, 429}, answers
        assert all(a.headers.get("Retry-After") for a in answers if a.status == 429)


def keep_guessing(w):
    n = 0
    while True:
        guess_at_once(w, f"guess-{os.getpid()}-{n}", 6)
        n += 1


def withdrawn_while_guessed(w):
    def flood():
        with contextlib.ExitStack() as stack:
            for _ in range(6):
                stack.enter_context(elsewhere(keep_guessing, w))
            time.sleep(w.span)
            body = w.coachee.decide()
            begun = time.monotonic()
            answer = w.coachee.consent(body)
            took = time.monotonic() - begun
            print(f"     a decision against recording was answered in {took * 1000:.0f} ms: {answer.status}")
            assert answer.status == 201 and took < 0.5, (took, answer)
    w.endures("login guessing", flood)


# ---- calls ----

def keep_joining(w, token, body):
    while True:
        client.call(w.instance.port, "POST", "/v1/media", body, token, "application/sdp")


def joins(w):
    """Offers without a valid token, offers that are too long, sessions without a key: all refused, and hardly logged."""
    def lines():
        return sum(" leg session=" not in line for line in w.instance.log().splitlines())
    before = lines()
    def flood():
        with contextlib.ExitStack() as stack:
            for body in ("v=0\r\n", "v=0\r\n", b"x" * 200000):
                stack.enter_context(elsewhere(keep_joining, w, "x" * 43, body))
            time.sleep(w.span + 1)
    w.endures("joins", flood)
    grown = lines() - before
    print(f"     the log grew by {grown} lines")
    assert grown < 50, grown


# ---- what stays, whatever was done before ----

def threads_in_order(w):
    """Media before all else of the gateway, comparing passwords behind all else of the vault; as root alone."""
    guess(w, "nobody-else")
    media = [nice for name, nice in w.gateway.threads() if name == "media"]
    others = [nice for name, nice in w.gateway.threads() if name != "media"]
    behind_all = [nice for _, nice in w.vault.threads() if nice > 0]
    print(f"     media {media}, the gateway's others {sorted(set(others))}, comparing {behind_all}")
    assert media and behind_all and all(nice == 0 for nice in others)
    if os.getuid() == 0:
        assert all(nice == -10 for nice in media), media


def logs_stay_small(w):
    """No flood writes a line per packet, connection or guess, and no line names an address."""
    lines = w.instance.log().splitlines()
    legs = sum(" leg session=" in line for line in lines)
    print(f"     {len(lines)} lines, {legs} of them of legs that were negotiated")
    assert len(lines) - legs < 400, len(lines)
    own = [line for line in lines if re.search(r"\b127\.\d+\.\d+\.\d+", line) and " serving " not in line]
    assert not own, own[:5]


TESTS = [threads_in_order, parallel_guesses, withdrawn_while_guessed, joins, heads_without_end, bodies_without_end, answers_never_read,
         silent_connections, streams_of_one_token, ten_thousand_streams, logs_stay_small]
