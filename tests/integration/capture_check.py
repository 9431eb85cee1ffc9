#!/usr/bin/python3
"""Looks at one recording with nothing of ours: the stock age tool, ffmpeg, ffprobe, mkvinfo, and an own EBML walk.

capture_check.py NAME DIRECTORY SECONDS COACH COACHEE: the directory holds coach/<n>.age, coach.key, …; the last two are
what to expect of each track, as JSON. Prints what is wrong; exit status 0 when nothing is.
"""
import json
import os
import struct
import subprocess
import sys

wrong = []


def check(condition, text):
    if not condition:
        wrong.append(text)


def run(*argv):
    return subprocess.run(argv, capture_output=True, check=False)


def decrypt(directory, role):
    """The plaintexts of 0.age, 1.age, … concatenated."""
    path = os.path.join(directory, role)
    numbers = sorted(int(name[:-4]) for name in os.listdir(path) if name.endswith(".age"))
    check(numbers == list(range(len(numbers))), f"{role}: segments {numbers}")
    check(not [n for n in os.listdir(path) if n.endswith(".tmp")], f"{role}: unfinished files stay")
    webm = b""
    for n in numbers:
        result = run("age", "-d", "-i", f"{directory}/{role}.key", f"{path}/{n}.age")
        check(result.returncode == 0, f"{role}: age on {n}: {result.stderr.decode()}")
        webm += result.stdout
    file = os.path.join(directory, role + ".webm")
    with open(file, "wb") as out:
        out.write(webm)
    return file, webm


def vint(data, at, keep):
    length = 9 - data[at].bit_length()
    value = int.from_bytes(data[at:at + length], "big")
    return (value if keep else value & ((1 << (7 * length)) - 1)), at + length


def elements(data, at, end):
    while at < end:
        ident, at = vint(data, at, True)
        size, at = vint(data, at, False)
        yield ident, at, min(at + size, end)
        at += size


def number(data, start, end):
    return int.from_bytes(data[start:end], "big")


def walk(data):
    """Clusters {offset: (time, [(track, key)])} and cues [(time, track, offset)] of the Segment."""
    (_, _, ebml_end), = [e for e in elements(data, 0, len(data)) if e[0] == 0x1A45DFA3]
    (segment,) = [e for e in elements(data, ebml_end, len(data)) if e[0] == 0x18538067]
    clusters, cues = {}, []
    for ident, start, end in elements(data, segment[1], segment[2]):
        if ident == 0x1F43B675:
            inner = list(elements(data, start, end))
            time = next(number(data, s, e) for i, s, e in inner if i == 0xE7)
            blocks = [(data[s] & 0x7F, bool(data[s + 3] & 0x80)) for i, s, e in inner if i == 0xA3]
            clusters[start - 12 - segment[1]] = (time, blocks)
        if ident == 0x1C53BB6B:
            for _, s, e in elements(data, start, end):
                point = {i: (a, b) for i, a, b in elements(data, s, e)}
                place = {i: (a, b) for i, a, b in elements(data, *point[0xB7])}
                cues.append(tuple(number(data, *v) for v in (point[0xB3], place[0xF7], place[0xF1])))
    check(segment[2] == len(data), "the Segment's size is not the file's")
    return clusters, cues


def check_cues(role, data, camera):
    clusters, cues = walk(data)
    check(cues, f"{role}: no cues")
    for time, track, offset in cues:
        cluster = clusters.get(offset)
        check(cluster and cluster[0] == time, f"{role}: cue {time} points at no cluster")
        check(cluster and cluster[1][0] == (track, True), f"{role}: cue {time}: its cluster starts with {cluster}")
    times = [time for time, _ in clusters.values()]
    check(all(b - a <= 1040 for a, b in zip(times, times[1:])), f"{role}: clusters at {times}")
    video_keys = sum(1 for _, blocks in clusters.values() for track, key in blocks if track == 2 and key)
    if camera:
        check(len(cues) == video_keys, f"{role}: {len(cues)} cues for {video_keys} keyframes")


def probe(file):
    result = run("ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", file)
    return json.loads(result.stdout)


def check_clean(role, file):
    result = run("ffmpeg", "-v", "error", "-xerror", "-i", file, "-map", "0", "-f", "null", "-")
    check(result.returncode == 0 and not result.stderr, f"{role}: ffmpeg: {result.stderr.decode()[:300]}")
    info = run("mkvinfo", "-v", "-v", file)
    text = (info.stdout + info.stderr).decode(errors="replace").lower()
    check(info.returncode == 0 and "error" not in text and "warning" not in text and "unknown element" not in text,
          f"{role}: mkvinfo complains")


def flashes(file, stream):
    """Times at which the picture turns white, s."""
    frames = run("ffprobe", "-v", "error", "-select_streams", f"v:{stream}", "-show_entries", "frame=pts_time", "-of", "csv=p=0",
                 file).stdout.split()
    times = [float(t.strip(b",")) for t in frames]
    gray = run("ffmpeg", "-v", "error", "-i", file, "-map", f"0:v:{stream}", "-fps_mode", "passthrough", "-vf",
               "scale=16:16:flags=area,format=gray", "-f", "rawvideo", "-").stdout
    light = [sum(gray[i:i + 256]) / 256 > 128 for i in range(0, len(gray), 256)]
    return times, [t for t, now, before in zip(times[1:], light[1:], light) if now and not before]


def beeps(file):
    """Times at which the tone sets in, s."""
    raw = run("ffmpeg", "-v", "error", "-i", file, "-map", "0:a:0", "-af", "aresample=async=1:first_pts=0", "-ac", "1",
              "-ar", "8000", "-f", "s16le", "-").stdout
    samples = struct.unpack(f"<{len(raw) // 2}h", raw[:len(raw) // 2 * 2])
    loud = [max(map(abs, samples[i:i + 40])) > 3000 for i in range(0, len(samples) - 40, 40)]
    on = []
    for i, now in enumerate(loud):
        if now and not any(loud[max(0, i - 40):i]):
            on.append(i * 40 / 8000)
    return len(samples) / 8000, on


def nearest(t, times):
    return min((abs(t - other), t - other) for other in times)[1] if times else None


def check_role(directory, role, seconds, want):
    file, data = decrypt(directory, role)
    check_clean(role, file)
    check_cues(role, data, want["camera"])
    seen = probe(file)
    duration = float(seen["format"]["duration"])
    check(abs(duration - seconds) <= 0.3, f"{role}: lasts {duration}, not {seconds}")
    kinds = [s["codec_type"] for s in seen["streams"]]
    check(kinds.count("video") == want["camera"] + want["screen"], f"{role}: streams {kinds}")
    length, tones = beeps(file)
    check(abs(length - seconds) <= 0.3, f"{role}: sound lasts {length}")
    result = {"beeps": tones, "flashes": [], "duration": duration}
    if want["audio"]:
        check(len(tones) >= seconds / 2 - 1, f"{role}: tones at {tones}")
    if want["camera"]:
        times, result["flashes"] = flashes(file, 0)
        check(all(b > a for a, b in zip(times, times[1:])), f"{role}: picture times do not rise")
        check(result["flashes"], f"{role}: no flash in {len(times)} frames")
        if not want["losing"] and want["audio"]:
            for t in result["flashes"]:
                off = nearest(t, tones)
                close = off is not None and abs(off) <= 0.08
                check(close or abs(off or 9) > 0.4, f"{role}: flash {t} is {off} s off its tone")
            matched = [t for t in result["flashes"] if tones and abs(nearest(t, tones)) <= 0.08]
            check(len(matched) * 2 >= min(len(result["flashes"]), len(tones)), f"{role}: flashes {result['flashes']}, tones {tones}")
    return result


def check_across(coach, coachee, wants):
    """Both took their pictures at the same times: after the delays' difference is taken off they must agree."""
    offset = (wants[0]["delay"] - wants[1]["delay"]) / 1000
    for kind in ("beeps", "flashes"):
        if wants[0]["losing"] or wants[1]["losing"]:
            continue
        for t in coach[kind]:
            off = nearest(t - offset, coachee[kind])
            check(off is None or abs(off) <= 0.08 or abs(off) > 0.4, f"{kind} of the two persons at {t} differ by {off}")


def main():
    name, directory, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    wants = [json.loads(sys.argv[4]), json.loads(sys.argv[5])]
    results = [check_role(directory, role, seconds, want) for role, want in zip(("coach", "coachee"), wants)]
    check_across(*results, wants)
    for text in wrong:
        print(f"{name}: {text}")
    sys.exit(1 if wrong else 0)


main()
