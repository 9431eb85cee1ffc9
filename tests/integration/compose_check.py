#!/usr/bin/python3
"""What other people's tools see and hear in a composed film (R39).

compose_check.py FILM SECONDS LEFT RIGHT [FLASH]: LEFT and RIGHT are colours "r,g,b" of the halves; with FLASH the left half
turns white at that second while a tone of 440 Hz begins, and both are looked for. A tone of 1000 Hz sounds all along.
"""
import array
import json
import math
import subprocess
import sys

RATE = 8000


def run(*command):
    return subprocess.run(command, check=True, capture_output=True).stdout


def check(what, holds):
    print(("ok   " if holds else "FAIL ") + what)
    return holds


def streams(film):
    found = json.loads(run("ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", film))
    return {s["codec_type"]: s for s in found["streams"]}, len(found["streams"]), float(found["format"]["duration"])


def halves(film):
    """Mean colour of each half, 25 times a second, the borders left out."""
    raw = run("ffmpeg", "-v", "error", "-xerror", "-i", film, "-vf", "fps=25,scale=32:9:flags=area", "-f", "rawvideo",
              "-pix_fmt", "rgb24", "-")
    size = 32 * 9 * 3
    for at in range(0, len(raw) - size + 1, size):
        frame = raw[at:at + size]
        means = []
        for first in (5, 21):
            pixels = [frame[(y * 32 + x) * 3:(y * 32 + x) * 3 + 3] for y in range(2, 7) for x in range(first, first + 6)]
            means.append(tuple(sum(p[i] for p in pixels) / len(pixels) for i in range(3)))
        yield means


def near(colour, wanted):
    return all(abs(a - b) < 60 for a, b in zip(colour, wanted))


def strength(samples, hertz):
    """Goertzel: the amplitude of one frequency."""
    k = 2 * math.cos(2 * math.pi * hertz / RATE)
    a = b = 0.0
    for x in samples:
        a, b = x + k * a - b, a
    return math.sqrt(max(a * a + b * b - k * a * b, 0)) * 2 / max(len(samples), 1)


def main():
    film, seconds, left, right = sys.argv[1:5]
    flash = float(sys.argv[5]) if len(sys.argv) > 5 else None
    left, right = (tuple(int(n) for n in c.split(",")) for c in (left, right))
    kinds, count, duration = streams(film)
    video, audio = kinds.get("video", {}), kinds.get("audio", {})
    good = [
        check(f"one video, one audio ({count})", count == 2 and bool(video) and bool(audio)),
        check("1280x360 VP8", (video.get("width"), video.get("height"), video.get("codec_name")) == (1280, 360, "vp8")),
        check(f"25 pictures a second ({video.get('r_frame_rate')})", video.get("r_frame_rate") == "25/1"),
        check("Opus", audio.get("codec_name") == "opus"),
        check(f"duration {duration}", abs(duration - float(seconds)) <= 0.2),
    ]
    pictures = list(halves(film))
    good.append(check(f"pictures to the end ({len(pictures)})", abs(len(pictures) / 25 - float(seconds)) <= 0.2))
    calm = pictures[10:40]
    good.append(check(f"left {calm[0][0]}", all(near(p[0], left) for p in calm)))
    good.append(check(f"right {calm[0][1]}", all(near(p[1], right) for p in calm)))
    sound = array.array("f", run("ffmpeg", "-v", "error", "-i", film, "-f", "f32le", "-ac", "1", "-ar", str(RATE), "-"))
    middle = sound[RATE // 2:3 * RATE // 2]
    good.append(check(f"the coachee's tone {strength(middle, 1000):.3f}", strength(middle, 1000) > 0.02))
    good.append(check(f"no third tone {strength(middle, 700):.4f}", strength(middle, 700) < 0.005))
    if flash is not None:
        seen = next((i / 25 for i, p in enumerate(pictures) if near(p[0], (255, 255, 255))), -1)
        step = RATE // 50
        heard = next((i / RATE for i in range(0, len(sound) - 2 * step, step)
                      if strength(sound[i:i + 2 * step], 440) > 0.05), -1)
        good.append(check(f"the flash at {seen:.2f} s", abs(seen - flash) <= 0.1))
        good.append(check(f"its tone at {heard:.2f} s", abs(heard - flash) <= 0.1))
        good.append(check(f"picture and sound {abs(seen - heard) * 1000:.0f} ms apart", abs(seen - heard) <= 0.08))
        good.append(check("the other half does not flash", not any(near(p[1], (255, 255, 255)) for p in pictures)))
    return 0 if all(good) else 1


sys.exit(main())
