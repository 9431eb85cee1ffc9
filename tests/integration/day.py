#!/usr/bin/python3
"""A day in the life that lasts years: a coaching programme with two regions, three policies and thirty sessions, from the
first login to the last proof's end, by the real programs with a clock that the test moves.

    APARTE_BIN=build/dev/bin day.py [until chapter N]

Each chapter is a file of day/ and names the requirements it shows; day/model.py computes every date a second time, and the
system must agree at every chapter. APARTE_KEEP=1 keeps what was made.
"""
import pathlib
import re
import shutil
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "day"), str(HERE.parent / "testlib")]


def chapters():
    return sorted(path.stem for path in (HERE / "day").glob("ch[0-9][0-9]_*.py"))


def named(chapter):
    """The requirements that a chapter's text names."""
    return sorted(set(re.findall(r"\bR\d+\b", (HERE / f"day/{chapter}.py").read_text())), key=lambda name: int(name[1:]))


def main(last=99):
    from story import Story
    story, begun = Story(), time.monotonic()
    try:
        for chapter in chapters()[:last]:
            module = __import__(chapter)
            module.chapter(story)
            took, begun = time.monotonic() - begun, time.monotonic()
            print(f"{chapter:20} {took:6.1f} s  {story.clock.date()}  {' '.join(named(chapter))}", flush=True)
    except BaseException:
        print("".join(f"    {line}\n" for line in story.log().splitlines()[-25:]), flush=True)
        raise
    finally:
        story.stop()


if __name__ == "__main__":
    if not shutil.which("age-keygen") or not shutil.which("ffprobe"):
        print("skipped: the age tool or ffprobe is not installed")
        sys.exit(77)
    main(*map(int, sys.argv[1:]))
