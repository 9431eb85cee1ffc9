"""RESULTS.md and plots (SVG, written by hand: three small ones need no library) from what was measured."""
import targets

NAMES = {"floor": "bare relay (floor)", "aparte": "Aparté", "janus": "Janus", "janus-openssl": "Janus, OpenSSL srtp"}
COLOURS = {"floor": "#8a8f98", "aparte": "#0b6e4f", "janus": "#c8553d", "janus-openssl": "#e0a458"}
PLOTS = [("cost", "ns_packet", "CPU per forwarded packet, µs", 1000.0, False),
         ("latency", "p99_us", "added latency, 99th percentile, µs", 1.0, True),
         ("loss", "loss_percent", "packets lost, %", 1.0, False)]
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 640, 320, 60, 40, 30, 170


def write(result, folder):
    rows = result["rows"]
    even = [row for row in rows if row["burst"] == 1]
    for name, field, title, unit, logarithmic in PLOTS if even else ():
        (folder / f"{name}.svg").write_text(_plot(even, field, title, unit, logarithmic))
    (folder / "RESULTS.md").write_text("\n".join(page(result)) + "\n")


def page(result):
    machine, rows = result["machine"], result["rows"]
    yield "# Measured by scripts/bench\n"
    virtual = " (virtual)" if machine["virtual"] else ""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    yield (f"{machine['date']}, commit {machine['commit']}. {machine['cores']} cores of {machine['processor']}{virtual}, "
           f"{machine['memory']}, Linux {machine['kernel']}; {versions}.\n")
    yield ("Generator and server share the cores; 300 packets a second a person, five of six 1100 bytes long; AES-GCM. Cost is the\n"
           "server's processor time in the window, divided by packets received. A run beside which other work took more than 6 %\n"
           "of a core is dropped, unless none was quieter (then *quiet* says 0).\n")
    yield from targets.markdown(result)
    yield ""
    yield from _recording(result.get("recording"))
    for name, _, title, _, _ in PLOTS if rows else ():
        yield f"![{title}]({name}.svg)\n"
    yield _counted(rows) + "\n"
    floors = {(row["pairs"], row["burst"]): row["ns_packet"] for row in rows if row["server"] == "floor"}
    yield "| server | pairs | burst | µs a packet (range) | × floor | p50 / p99 µs | lost % | KiB a pair | runs (quiet) |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for row in sorted(rows, key=lambda row: (row["burst"], row["pairs"], list(NAMES).index(row["server"]))):
        yield _line(row, floors.get((row["pairs"], row["burst"])))


def _counted(rows):
    runs, dropped = sum(row["runs"] for row in rows), sum(row["runs"] - row["quiet"] for row in rows if row["quiet"])
    noisy = sum(1 for row in rows if not row["quiet"])
    return (f"{runs} runs of the relays; {dropped} dropped because other work ran beside them; {noisy} of {len(rows)} lines below had no "
            "quiet run.")


def _recording(r):
    if not r:
        return
    yield (f"Recording: {r['pairs']} calls of real VP8 and Opus at {r['packets_a_second_pair']:.0f} packets a second each, not recorded, all "
           f"recorded, not recorded again; {r['runs']} such rounds, {r['quiet']} of them quiet. The vault used {r['vault_percent']:.1f} % of a core while "
           f"all were recorded. Frames carry the time they were sent at, and {r['proofs']} recordings were opened to read it.\n")


def _line(row, floor):
    low, high = (value / 1000 for value in row["ns_packet_range"])
    ratio = f"{row['ns_packet'] / floor:.2f}" if floor else "–"
    return (f"| {NAMES[row['server']]} | {row['pairs']} | {row['burst']} | {row['ns_packet'] / 1000:.1f} ({low:.1f}–{high:.1f}) | {ratio} | "
            f"{row['p50_us']:.0f} / {row['p99_us']:.0f} | {row['loss_percent']:.3f} | {row['kib_pair']:.0f} | {row['runs']} ({row['quiet']}) |")


def _plot(rows, field, title, unit, logarithmic):
    import math
    scale = (lambda value: math.log10(max(value, 1.0))) if logarithmic else (lambda value: value)
    most_pairs = max(row["pairs"] for row in rows)
    top = max(scale(row[field] / unit) for row in rows) or 1.0
    across = lambda pairs: LEFT + pairs / most_pairs * (WIDTH - LEFT - RIGHT)  # noqa: E731
    up = lambda value: HEIGHT - BOTTOM - scale(value) / top * (HEIGHT - BOTTOM - TOP)  # noqa: E731
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/><text x="{LEFT}" y="18" font-weight="bold">{title}</text>']
    for tick in _ticks(rows, field, unit, logarithmic):
        parts.append(f'<path d="M{LEFT} {up(tick):.1f}H{WIDTH - RIGHT}" stroke="#e3e5e8"/>'
                     f'<text x="{LEFT - 6}" y="{up(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for pairs in sorted({row["pairs"] for row in rows}):
        parts.append(f'<text x="{across(pairs):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{pairs}</text>')
    parts.append(f'<text x="{LEFT}" y="{HEIGHT - 6}">pairs</text>')
    for place, name in enumerate(name for name in NAMES if any(row["server"] == name for row in rows)):
        points = [(across(row["pairs"]), up(row[field] / unit)) for row in rows if row["server"] == name]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in sorted(points))
        parts.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS[name]}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{COLOURS[name]}"/>' for x, y in points]
        parts.append(f'<text x="{WIDTH - RIGHT + 14}" y="{TOP + 16 + 20 * place}" fill="{COLOURS[name]}">{NAMES[name]}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _ticks(rows, field, unit, logarithmic):
    top = max(row[field] / unit for row in rows) or 1.0
    if logarithmic:
        tick, ticks = 1.0, []
        while tick <= top:
            ticks.append(tick)
            tick *= 10
        return ticks
    step = 10 ** len(str(int(top))) / 10
    step = step / 5 if top / step < 2 else step / 2 if top / step < 5 else step
    return [step * i for i in range(int(top / step) + 1)] if step else [0]
