"""The table of what was to be reached: what | Janus in this run | floor in this run | ours | target | met?

Pure: from a results.json to rows. What was not measured says so and is never met.
"""
import dataclasses

NOT_MEASURED = "not measured"
COST_FLOORS, PAIRS_CARRIED = 1.1, 200
P50_US, P99_US, KIB_PAIR = 100, 1000, 120
WITHIN = 1.10  # of not recording
CAPTURE_PERCENT, CAPTURE_KIB = 1.5, 8192
FIRST_MS, FIRST_PROOFS = 300, 20
APPENDS, APPENDS_PER_FSYNC, VERIFY_S = 5000, 12, 5.0
FIRST_BYTE_MS, SEEK_MS = 50, 100
JOIN_P99_US, JOIN_RATE = 2000, 95  # as many a second as were asked for, nearly


@dataclasses.dataclass
class Row:
    what: str
    target: str
    ours: str = NOT_MEASURED
    met: bool = False
    janus: str = "–"
    floor: str = "–"


def _servers(result, burst=1):
    return {(row["server"], row["pairs"]): row for row in result["rows"] if row["burst"] == burst}


def _janus(rows, pairs, text):
    """Both of Janus's builds, the better one last named."""
    found = [(name, rows.get((server, pairs))) for name, server in (("Debian", "janus"), ("OpenSSL", "janus-openssl"))]
    said = [f"{text(row)} ({name})" for name, row in found if row]
    return ", ".join(said) or "–"


def _cost(rows):
    yield _cost_at(rows, 50, f"≤ {COST_FLOORS} × floor", COST_FLOORS)
    loads = sorted({pairs for server, pairs in rows if server == "aparte" and pairs >= 100})
    for pairs in loads or [100]:
        yield _cost_at(rows, pairs, "under the floor", 1.0)


def _cost_at(rows, pairs, target, most):
    row = Row(f"CPU per forwarded packet, {pairs} pairs", target)
    ours, floor = rows.get(("aparte", pairs)), rows.get(("floor", pairs))
    times = lambda one: f" = {one['ns_packet'] / floor['ns_packet']:.1f} ×" if floor else ""  # noqa: E731
    row.janus = _janus(rows, pairs, lambda one: f"{one['ns_packet'] / 1000:.1f} µs{times(one)}")
    row.floor = f"{floor['ns_packet'] / 1000:.2f} µs" if floor else "–"
    if ours and floor:
        ratio = ours["ns_packet"] / floor["ns_packet"]
        row.ours, row.met = f"{ours['ns_packet'] / 1000:.2f} µs = {ratio:.2f} ×", ratio <= most
    return row


def _carried(rows, server):
    """The most pairs of all loads measured at which, and below which, nothing was lost; None when not measured."""
    loads = sorted(pairs for name, pairs in rows if name == server)
    whole = [pairs for n, pairs in enumerate(loads) if all(rows[server, one]["loss_percent"] == 0 for one in loads[:n + 1])]
    return max(whole, default=0) if loads else None


def _capacity(rows):
    most = {name: _carried(rows, name) for name in ("aparte", "floor", "janus", "janus-openssl")}
    said = lambda value: "–" if value is None else str(value)  # noqa: E731
    row = Row("pairs carried without loss, of the loads measured", str(PAIRS_CARRIED), floor=said(most["floor"]))
    row.janus = f"{said(most['janus'])} (Debian), {said(most['janus-openssl'])} (OpenSSL)"
    if most["aparte"] is not None:
        row.ours, row.met = str(most["aparte"]), most["aparte"] >= PAIRS_CARRIED
    return row


def _growth(rows):
    def ratio(server):
        few, many = rows.get((server, 50)), rows.get((server, 200))
        return many["ns_packet"] / few["ns_packet"] if few and many else None

    said = lambda value: "–" if value is None else f"{value:.2f} ×"  # noqa: E731
    row = Row("cost per packet at 200 pairs against 50", "≤ 1.00 ×", floor=said(ratio("floor")))
    row.janus = f"{said(ratio('janus'))} (Debian), {said(ratio('janus-openssl'))} (OpenSSL)"
    if ratio("aparte") is not None:
        row.ours, row.met = said(ratio("aparte")), ratio("aparte") <= 1.0
    return row


def _latency(rows):
    def said(one):
        return f"{one['p50_us'] / 1000:.2f} / {one['p99_us'] / 1000:.2f} ms"

    row = Row("added latency p50 / p99, 50 pairs", "≤ 0.1 / 1 ms", janus=_janus(rows, 50, said))
    floor, ours = rows.get(("floor", 50)), rows.get(("aparte", 50))
    row.floor = said(floor) if floor else "–"
    if ours:
        row.ours, row.met = said(ours), ours["p50_us"] <= P50_US and ours["p99_us"] <= P99_US
    return row


def _memory(rows):
    row = Row("resident memory a pair, 50 pairs", f"≤ {KIB_PAIR} KiB")
    row.janus = _janus(rows, 50, lambda one: f"{one['kib_pair']:.0f} KiB")
    ours = rows.get(("aparte", 50))
    if ours:
        row.ours, row.met = f"{ours['kib_pair']:.0f} KiB", ours["kib_pair"] <= KIB_PAIR
    return row


def _recording(r):
    loss = Row("recorded calls: packets lost", "0")
    p99 = Row("recorded calls: p99 against not recorded", "within 10 %")
    cost = Row("recorded calls: relay's cost per packet against not recorded", "within 10 %")
    capture = Row("capture: CPU of a core a pair, at 600 packets/s", f"≤ {CAPTURE_PERCENT} %")
    memory = Row("capture: memory (PSS), largest", "≤ 8 MiB")
    first = Row("second consent answered → first recorded frame", f"≤ {FIRST_MS} ms")
    after = Row("frames recorded after a withdrawal was answered", "0")
    if r:
        loss.what += f" ({r['pairs']} pairs, all recorded)"
        loss.ours = f"{r['lost_recorded']} of {r['sent_recorded']} (not recorded: {r['lost_unrecorded']})"
        loss.met = r["lost_recorded"] == 0
        p99.ours = f"{r['p99_recorded_us']:.0f} / {r['p99_unrecorded_us']:.0f} µs = {r['p99_ratio']:.2f} ×"
        p99.met = r["p99_ratio"] <= WITHIN
        cost.ours = f"{r['ns_recorded'] / 1000:.2f} / {r['ns_unrecorded'] / 1000:.2f} µs = {r['cost_ratio']:.2f} ×"
        cost.met = r["cost_ratio"] <= WITHIN
        capture.ours = (f"{r['capture_percent_600']:.2f} % ({r['capture_us_packet']:.1f} µs a packet, "
                        f"{r['packets_a_second_pair']:.0f} packets/s)")
        capture.met = r["capture_percent_600"] <= CAPTURE_PERCENT
        if r["capture_kib_worst"] is not None:
            memory.ours = (f"{r['capture_kib_worst'] / 1024:.1f} MiB (median {r['capture_kib_median'] / 1024:.1f}; "
                           f"{r['capture_threads']} threads)")
            memory.met = r["capture_kib_worst"] <= CAPTURE_KIB
        if r["proofs"]:
            first.ours = f"median {r['first_ms_median']:.0f} ms, worst {r['first_ms_worst']:.0f} ms of {r['proofs']}"
            first.met = r["first_ms_worst"] <= FIRST_MS and r["proofs"] >= FIRST_PROOFS
            after.ours = f"{r['after_withdrawal']} of {r['proof_frames']} in {r['proofs']} recordings"
            after.met = r["after_withdrawal"] == 0 and r["proof_frames"] > 0 and r["proofs"] >= FIRST_PROOFS
    return [loss, p99, cost, capture, memory, first, after]


def _joining(j):
    row = Row("live calls' p99 while 100 persons a second join", f"< {JOIN_P99_US / 1000:.0f} ms")
    if j:
        row.ours = f"{j['p99_us'] / 1000:.2f} ms (alone {j['alone_p99_us'] / 1000:.2f}), {j['handshakes_a_second']:.0f} a second"
        row.met = j["p99_us"] < JOIN_P99_US and j["handshakes_a_second"] >= JOIN_RATE
    return row


def _vault(v):
    appends = Row("ledger: durable appends a second, 16 writers", f"≥ {APPENDS:,} or ≥ {APPENDS_PER_FSYNC} × fsyncs/s")
    verify = Row("ledger: verification of 1,000,000 leaves", f"≤ {VERIFY_S:.0f} s")
    first = Row("playback of one hour: first byte", f"≤ {FIRST_BYTE_MS} ms")
    seek = Row("playback of one hour: seek anywhere", f"≤ {SEEK_MS} ms")
    if v.get("appends"):
        rate, fsyncs = v["appends"]["appends_per_s"], v["appends"]["fsyncs_per_s"]
        appends.ours = f"{rate:,.0f} = {rate / fsyncs:.1f} × {fsyncs:,.0f} fsyncs/s"
        appends.met = rate >= APPENDS or rate >= APPENDS_PER_FSYNC * fsyncs
    if v.get("verify_s") is not None:
        verify.ours, verify.met = f"{v['verify_s']:.2f} s", v["verify_s"] <= VERIFY_S
    if v.get("playback"):
        first.ours, first.met = f"{v['playback']['first_byte_ms']:.1f} ms", v["playback"]["first_byte_ms"] <= FIRST_BYTE_MS
        seek.ours, seek.met = f"{v['playback']['seek_max_ms']:.1f} ms, the slowest", v["playback"]["seek_max_ms"] <= SEEK_MS
    return [appends, verify, first, seek]


def table(result):
    rows = _servers(result)
    return [*_cost(rows), _capacity(rows), _growth(rows), _latency(rows), _memory(rows),
            _joining(result.get("joining")), *_recording(result.get("recording")), *_vault(result.get("vault", {}))]


def markdown(result):
    yield "| what | Janus in this run | floor in this run | ours | target | met? |"
    yield "|---|---|---|---|---|---|"
    for row in table(result):
        met = "–" if row.ours == NOT_MEASURED else "yes" if row.met else "**no**"
        yield f"| {row.what} | {row.janus} | {row.floor} | {row.ours} | {row.target} | {met} |"
