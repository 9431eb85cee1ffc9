"""The known moving picture of ../lib/picture.mjs for clients in Python: 16 blocks, person, frame number, checksum."""

import re

import numpy

WIDTH, HEIGHT = 640, 480
TONE = {"coach": 440, "coachee": 660}


def _checksum(value):
    return ((value >> 8) ^ (value >> 4) ^ value ^ 5) & 15


def draw(role, number):
    """One frame of grey bytes, HEIGHT x WIDTH."""
    value = ((0 if role == "coach" else 1) << 11) | (number % 1200)
    bits = (value << 4) | _checksum(value)
    grey = numpy.repeat(90 + (numpy.arange(HEIGHT) >> 3)[:, None], WIDTH, axis=1).astype(numpy.uint8)
    bar = number * 8 % WIDTH
    grey[:, bar:bar + 24] = 200
    for block in range(16):
        grey[180:300, block * 40:(block + 1) * 40] = 235 if bits >> (15 - block) & 1 else 20
    return grey


def read(grey):
    """(role, number) shown by a grey picture of any size, or None."""
    height, width = grey.shape
    bits = 0
    for block in range(16):
        x, y = int((block * 40 + 20) * width / WIDTH), int(240 * height / HEIGHT)
        patch = grey[max(0, y - height // 24):y + height // 24, max(0, x - width // 107):x + width // 107 + 1]
        bits = bits << 1 | int(patch.mean() > 128)
    value = bits >> 4
    if _checksum(value) != bits & 15:
        return None
    return ("coachee" if value >> 11 else "coach"), value & 2047


def lead_through(sdp, through):
    """An answer whose UDP candidates lead through the relay [address, port], and without others; as it is without one."""
    if len(through) != 2:
        return sdp
    sdp = re.sub(r"(?im)^a=candidate:\S+ \d+ tcp .*\r?\n", "", sdp)
    return re.sub(r"(?im)^(a=candidate:\S+ \d+ udp \d+ )\S+ \d+", rf"\g<1>{through[0]} {through[1]}", sdp)
