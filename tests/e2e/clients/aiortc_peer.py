#!/usr/bin/python3
"""
A person on python3-aiortc: sends the known picture and tone, reports what it sees and hears as lines of JSON.

    aiortc_peer.py GATEWAY ROLE     (the token is the first line of standard input; the session ends at its EOF)
"""

import asyncio
import fractions
import json
import os
import sys
import time
import urllib.error
import urllib.request

import aioice.ice
import numpy
from aiortc import RTCPeerConnection, RTCSessionDescription, MediaStreamTrack, VideoStreamTrack
from av import AudioFrame, VideoFrame

import picture

# It gathers no loopback address by itself.
THROUGH = os.environ.get("APARTE_THROUGH", "").split(":")  # a relay to lead the media through
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: [THROUGH[0] or "127.0.0.1"]


class Camera(VideoStreamTrack):
    def __init__(self, role):
        super().__init__()
        self.role, self.number = role, 0

    async def recv(self):
        pts, base = await self.next_timestamp()
        grey = picture.draw(self.role, self.number)
        self.number += 1
        frame = VideoFrame.from_ndarray(numpy.stack([grey] * 3, axis=2), format="rgb24")
        frame.pts, frame.time_base = pts, base
        return frame


class Microphone(MediaStreamTrack):
    kind = "audio"

    def __init__(self, role):
        super().__init__()
        self.frequency, self.sample, self.start = picture.TONE[role], 0, None

    async def recv(self):
        loop = asyncio.get_event_loop()
        self.start = self.start or loop.time()
        await asyncio.sleep(max(0, self.start + self.sample / 48000 - loop.time()))
        at = numpy.arange(self.sample, self.sample + 960)
        wave = (8000 * numpy.sin(2 * numpy.pi * self.frequency * at / 48000)).astype(numpy.int16)
        frame = AudioFrame.from_ndarray(wave[None, :], format="s16", layout="mono")
        frame.pts, frame.sample_rate, frame.time_base = self.sample, 48000, fractions.Fraction(1, 48000)
        self.sample += 960
        return frame


def tell(**what):
    print(json.dumps(what), flush=True)


async def watch(track):
    count, readable, previous, forward = 0, 0, None, 0
    while True:
        frame = await track.recv()
        count += 1
        shown = picture.read(frame.to_ndarray(format="gray"))
        if shown:
            readable += 1
            forward += previous is not None and shown[1] > previous
            previous = shown[1]
            tell(event="video", role=shown[0], number=shown[1], frames=count, readable=readable, forward=forward,
                 at=time.time() * 1000)


async def listen(track):
    count = 0
    while True:
        frame = await track.recv()
        count += 1
        if count % 50 == 0:
            samples = frame.to_ndarray().astype(float).reshape(-1, len(frame.layout.channels))[:, 0]
            loudness = {role: abs(numpy.dot(samples, numpy.exp(-2j * numpy.pi * hz * numpy.arange(len(samples)) / frame.sample_rate)))
                        for role, hz in picture.TONE.items()}
            tell(event="audio", role=max(loudness, key=loudness.get), frames=count, level=float(numpy.abs(samples).max()))


def post_offer(gateway, token, sdp):
    request = urllib.request.Request(gateway + "/v1/media", sdp.encode(), method="POST",
                                     headers={"Authorization": "Bearer " + token, "Content-Type": "application/sdp"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode(), answer.headers["Location"]


async def main():
    gateway, role = sys.argv[1:3]
    token = sys.stdin.readline().strip()
    peer = RTCPeerConnection()
    tasks = []

    @peer.on("track")
    def on_track(track):
        tasks.append(asyncio.ensure_future(watch(track) if track.kind == "video" else listen(track)))

    @peer.on("connectionstatechange")
    def on_state():
        tell(event="state", state=peer.connectionState)

    peer.addTrack(Microphone(role))
    peer.addTrack(Camera(role))
    await peer.setLocalDescription(await peer.createOffer())
    try:
        answer, location = await asyncio.to_thread(post_offer, gateway, token, peer.localDescription.sdp)
    except urllib.error.HTTPError as error:
        tell(event="refused", status=error.code, body=error.read().decode())
        return
    tell(event="answer", location=location)
    await peer.setRemoteDescription(RTCSessionDescription(picture.lead_through(answer, THROUGH), "answer"))
    await asyncio.get_event_loop().run_in_executor(None, sys.stdin.read)
    for task in tasks:
        task.cancel()
    await peer.close()


asyncio.run(main())
