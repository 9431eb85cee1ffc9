"""The report of scripts/bench, from figures made up here: which runs count, what is met, what is said when nothing was measured.

Times nothing. python3 -m unittest, as ctest bench/report.
"""
import copy
import os
import pathlib
import sys
import tempfile
import unittest
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent
os.environ.setdefault("APARTE_BENCH", str(HERE))
sys.path.insert(0, str(HERE / "performance"))
import identity  # noqa: E402
import joining  # noqa: E402
import noise  # noqa: E402
import recording  # noqa: E402
import report  # noqa: E402
import rounds  # noqa: E402
import targets  # noqa: E402
import vault  # noqa: E402

COST = {"floor": (5000, 10), "aparte": (5400, 15), "janus": (46700, 10), "janus-openssl": (45000, 10)}  # ns, less for each pair
MACHINE = {"date": "2026-01-01", "commit": "abc", "processor": "P", "cores": 2, "virtual": True, "memory": "4 kB", "kernel": "6",
           "versions": {"janus": "1.1.2"}}


def row(server, pairs, **changes):
    return {"server": server, "pairs": pairs, "burst": 1, "runs": 2, "quiet": 2, "ns_packet": COST[server][0] - COST[server][1] * pairs,
            "p50_us": 60, "p99_us": 900, "loss_percent": 0, "kib_pair": 100, "ns_packet_range": [1, 2], **changes}


def window(lost=0, p99=200, gateway=5000, captures=30.0, others=1.0):
    return {"sent": 60000, "received": 60000 - lost, "lost": lost, "p50_us": 50, "p99_us": p99, "gateway_ns_packet": gateway,
            "captures_percent": captures, "vault_percent": 1.0, "others_percent": others, "packets_a_second": 15000.0}


def recorded(**changes):
    during = {**window(p99=210, gateway=5300), "capture_kib": [5000, 6000], "capture_threads": [2, 2]}
    proofs = [{"first_ms": 20.0, "frames": 900, "after": 0, "last_ms": -3.0} for _ in range(25)]
    raw = {"pairs": 25, "packets_a_second_pair": 600.0, "proofs": proofs,
           "rounds": [{"before": window(captures=0.0), "during": during, "after": window(captures=0.0)}]}
    raw["rounds"][0]["during"].update(changes.pop("during", {}))
    return {**raw, **changes}


def result():
    return {"machine": MACHINE, "rows": [row(server, pairs) for server in COST for pairs in (50, 100, 200)],
            "recording": recording.summary(recorded()),
            "vault": {"appends": {"appends_per_s": 2500, "fsyncs_per_s": 100}, "verify_s": 1.5,
                      "playback": {"first_byte_ms": 12, "seek_max_ms": 30}},
            "joining": {"alone_p99_us": 600, "p99_us": 1900, "handshakes_a_second": 99.6}}


def said(figures):
    return {one.what: one for one in targets.table(figures)}


class Noise(unittest.TestCase):
    def test_a_run_beside_other_work_is_dropped_unless_none_was_quieter(self):
        calm, loud = {"others_percent": 6.0}, {"others_percent": 6.1}
        self.assertEqual(noise.usable([loud, calm], noise.is_quiet), ([calm], 1))
        self.assertEqual(noise.usable([loud, loud], noise.is_quiet), ([loud, loud], 0))

    def test_a_line_is_made_of_its_quiet_runs(self):
        made = rounds.Rounds(1)
        for ns, others in ((5000, 1), (9000, 50), (5200, 2)):
            made.runs.setdefault(("aparte", 50, 1), []).append(
                {**dict.fromkeys(rounds.SHOWN, 0), "forwarded_pps": 1, "kib_pair": 1, "ns_packet": ns, "others_percent": others})
        made.runs["floor", 50, 1] = [{**made.runs["aparte", 50, 1][1]}]
        self.assertEqual(made.disturbed(), [("floor", 50, 1)])
        line = next(one for one in made.rows() if one["server"] == "aparte")
        self.assertEqual((line["ns_packet"], line["runs"], line["quiet"], line["ns_packet_range"]), (5100, 3, 2, [5000, 5200]))

    def test_a_run_that_forwarded_nothing_failed(self):
        words = ["x", *["1"] * (len(rounds.FIELDS) - 1)]
        self.assertEqual(rounds.read(",".join(words))["ns_packet"], 1)
        words[rounds.FIELDS.index("ns_packet")] = "inf"
        self.assertIsNone(rounds.read(",".join(words)))
        self.assertIsNone(rounds.read("x,1"))
        self.assertIsNone(rounds.read(""))

    def test_a_round_of_recording_counts_when_all_its_windows_were_quiet(self):
        raw = recorded()
        loud = copy.deepcopy(raw["rounds"][0])
        loud["after"]["others_percent"] = 40.0
        loud["during"]["lost"] = 7
        raw["rounds"].append(loud)
        made = recording.summary(raw)
        self.assertEqual((made["runs"], made["quiet"], made["lost_recorded"]), (2, 1, 0))


class Table(unittest.TestCase):
    def test_all_is_met(self):
        for one in targets.table(result()):
            self.assertTrue(one.met, one)

    def test_nothing_measured_is_nothing_met(self):
        for one in targets.table({"rows": []}):
            self.assertEqual((one.ours, one.met), (targets.NOT_MEASURED, False))
        self.assertNotIn("yes", "\n".join(targets.markdown({"rows": []})))

    def worse(self, what, change):
        figures = result()
        change(figures)
        missed = [one.what for one in targets.table(figures) if not one.met]
        self.assertEqual(len(missed), 1, missed)
        self.assertIn(what, missed[0])

    def of(self, figures, server, pairs):
        return next(one for one in figures["rows"] if (one["server"], one["pairs"]) == (server, pairs))

    def test_each_target_can_be_missed(self):
        self.worse("per forwarded packet, 50", lambda f: self.of(f, "aparte", 50).update(ns_packet=6000))
        self.worse("per forwarded packet, 100", lambda f: self.of(f, "floor", 100).update(ns_packet=3800))
        self.worse("without loss", lambda f: self.of(f, "aparte", 200).update(loss_percent=0.001))
        self.worse("200 pairs against 50", lambda f: (self.of(f, "aparte", 200).update(ns_packet=5000), self.of(f, "floor", 200).update(ns_packet=5001)))
        self.worse("added latency", lambda f: self.of(f, "aparte", 50).update(p99_us=1001))
        self.worse("memory a pair", lambda f: self.of(f, "aparte", 50).update(kib_pair=121))
        for field, value, what in (("lost_recorded", 1, "packets lost"), ("p99_ratio", 1.11, "p99"), ("cost_ratio", 1.11, "relay's cost"),
                                   ("capture_percent_600", 1.51, "CPU of a core"), ("capture_kib_worst", 8193, "PSS"),
                                   ("first_ms_worst", 301, "first recorded"), ("after_withdrawal", 1, "after a withdrawal")):
            self.worse(what, lambda f, field=field, value=value: f["recording"].update({field: value}))
        self.worse("appends", lambda f: f["vault"]["appends"].update(appends_per_s=1100))
        self.worse("verification", lambda f: f["vault"].update(verify_s=5.1))
        self.worse("100 persons a second", lambda f: f["joining"].update(p99_us=2000))
        self.worse("100 persons a second", lambda f: f["joining"].update(handshakes_a_second=60))
        self.worse("first byte", lambda f: f["vault"]["playback"].update(first_byte_ms=51))
        self.worse("seek", lambda f: f["vault"]["playback"].update(seek_max_ms=101))

    def test_a_proof_needs_frames_and_repetitions(self):
        figures = result()
        figures["recording"] = recording.summary(recorded(proofs=[{"first_ms": 5.0, "frames": 10, "after": 0, "last_ms": -1.0}] * 19))
        self.assertFalse(said(figures)["frames recorded after a withdrawal was answered"].met)
        figures["recording"] = recording.summary(recorded(proofs=[]))
        self.assertEqual(said(figures)["second consent answered → first recorded frame"].ours, targets.NOT_MEASURED)

    def test_a_load_below_that_lost_something_ends_what_is_carried(self):
        figures = result()
        self.of(figures, "janus", 100)["loss_percent"] = 2
        one = next(one for one in targets.table(figures) if "without loss" in one.what)
        self.assertTrue(one.janus.startswith("50 (Debian), 200"), one.janus)

    def test_capture_cost_is_told_at_600_packets_a_second(self):
        made = recording.summary(recorded(during={"captures_percent": 15.0, "packets_a_second": 7500.0}))
        self.assertAlmostEqual(made["capture_us_packet"], 20.0)
        self.assertAlmostEqual(made["capture_percent_600"], 1.2)


class Page(unittest.TestCase):
    def test_page_and_plots(self):
        with tempfile.TemporaryDirectory() as place:
            folder = pathlib.Path(place)
            report.write(result(), folder)
            page = (folder / "RESULTS.md").read_text()
            for name in ("cost", "latency", "loss"):
                self.assertIn(f"({name}.svg)", page)
                self.assertEqual(xml.etree.ElementTree.parse(folder / f"{name}.svg").getroot().tag, "{http://www.w3.org/2000/svg}svg")
        self.assertIn("| what | Janus in this run | floor in this run | ours | target | met? |", page)
        self.assertIn("46.2 µs = 10.3 × (Debian)", page)

    def test_page_without_relays(self):
        with tempfile.TemporaryDirectory() as place:
            report.write({**result(), "rows": [], "recording": None}, pathlib.Path(place))
            self.assertEqual([one.name for one in pathlib.Path(place).iterdir()], ["RESULTS.md"])


class Identity(unittest.TestCase):
    def test_the_vector_of_the_format(self):
        hashes = [bytes.fromhex("04750f8f14e15e909973e1f444b80f4b3c371e41f4963ce7ce7d5eaaab6a35ce"),
                  bytes.fromhex("f82e0741eb00c2c994b07c4974cf68a29d6fba007463d3657d0d071cfdf0ff67")]
        shares = [bytes([byte]) * 32 for byte in (0x11, 0x22, 0x33)]
        self.assertEqual(identity.derive(shares, "00112233445566778899aabbccddeeff", "0102030405060708090a0b0c0d0e0f10", hashes, "coach"),
                         "AGE-SECRET-KEY-16S2D4X6DR2L3T7UFPS7N9Y44LN4QLKW8S5Z84EKKRC8TZGQ0CSQS09W924")


class Vault(unittest.TestCase):
    def test_what_programs_say(self):
        text = "verify a whole log offline             1000000 leaves    1.25 s  ok\nand that it continues an older one\n"
        self.assertEqual(vault.verified(text), 1.25)
        self.assertIsNone(vault.verified(text.replace("  ok", "  log-root")))
        self.assertIsNone(vault.verified(text.replace("1000000", "200000")))
        self.assertEqual(vault.last_object('x\n{"a": 1}\n{"b": 2}\n', "a"), {"a": 1})
        self.assertIsNone(vault.last_object('{"a": "1"}', "a"))


class Program(unittest.TestCase):
    def test_every_part_is_python(self):
        for path in (HERE / "performance").glob("*.py"):
            compile(path.read_text(), path, "exec")


class Joining(unittest.TestCase):
    def test_what_the_program_says(self):
        alone = "alone:   0.0000 % lost, p50 30, p99 600, p99.9 900 us\n"
        text = alone + "joining: 0.0000 % lost, p50 40, p99 1200, p99.9 2900 us; 101 handshakes a second\n"
        self.assertEqual(joining.figures(text), {"alone_p99_us": 600, "p99_us": 1200, "handshakes_a_second": 101})
        self.assertIsNone(joining.figures(alone))


if __name__ == "__main__":
    unittest.main()
