#!/usr/bin/python3
"""
A person on GStreamer's webrtcbin, which repeats no packets: the known picture and a tone out, what comes in is decoded
and read (JSON lines).

    webrtcbin_peer.py GATEWAY ROLE    (the token is the first line of standard input; the session ends at its EOF)
"""

import json
import os
import sys
import threading
import time
import urllib.request

import gi
import numpy

import picture

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

PIPELINE = """
webrtcbin name=w bundle-policy=max-bundle
audiotestsrc is-live=true freq=550 ! audioconvert ! opusenc ! rtpopuspay pt=111 ! queue !
  application/x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000 ! w.
appsrc name=camera is-live=true format=time do-timestamp=true caps=video/x-raw,format=GRAY8,width=640,height=480,framerate=30/1 !
  videoconvert !
  vp8enc deadline=1 keyframe-max-dist=60 target-bitrate=600000 ! rtpvp8pay pt=96 ! queue !
  application/x-rtp,media=video,encoding-name=VP8,payload=96,clock-rate=90000 ! w.
"""

DECODE = {"audio": "queue ! rtpopusdepay ! opusdec", "video": "queue ! rtpvp8depay ! vp8dec ! videoconvert ! video/x-raw,format=GRAY8"}


TELLING = threading.Lock()  # GStreamer's threads, one for each stream, tell at once


def tell(**what):
    with TELLING:
        print(json.dumps(what), flush=True)


class Peer:
    def __init__(self, gateway, role, token):
        self.gateway, self.role, self.token = gateway, role, token
        self.pipe = Gst.parse_launch(PIPELINE)
        self.webrtc = self.pipe.get_by_name("w")
        self.counts = {"audio": 0, "video": 0}
        self.webrtc.connect("on-negotiation-needed", self.offer)
        self.webrtc.connect("notify::ice-gathering-state", self.gathered)
        self.webrtc.connect("notify::connection-state", self.state)
        self.webrtc.connect("pad-added", self.incoming)
        self.sent = False

    def offer(self, webrtc):
        promise = Gst.Promise.new_with_change_func(self.offered, None)
        webrtc.emit("create-offer", None, promise)

    def offered(self, promise, _):
        promise.wait()
        reply = promise.get_reply()  # owns the description
        self.webrtc.emit("set-local-description", reply.get_value("offer"), Gst.Promise.new())

    def gathered(self, webrtc, _):
        if webrtc.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE and not self.sent:
            self.sent = True
            threading.Thread(target=self.negotiate, daemon=True).start()

    def negotiate(self):
        text = self.webrtc.get_property("local-description").sdp.as_text()
        request = urllib.request.Request(self.gateway + "/v1/media", text.encode(), method="POST",
                                         headers={"Authorization": "Bearer " + self.token, "Content-Type": "application/sdp"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            body = picture.lead_through(answer.read().decode(), os.environ.get("APARTE_THROUGH", "").split(":")).encode()
        _, sdp = GstSdp.SDPMessage.new()
        GstSdp.sdp_message_parse_buffer(body, sdp)
        description = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, sdp)
        self.webrtc.emit("set-remote-description", description, Gst.Promise.new())
        tell(event="answer")

    def state(self, webrtc, _):
        tell(event="state", state=webrtc.get_property("connection-state").value_nick)

    def incoming(self, _, pad):
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        kind = pad.get_current_caps().get_structure(0).get_string("media")
        decode = Gst.parse_bin_from_description(DECODE[kind] + " ! fakesink name=out sync=false async=false", True)
        decode.get_by_name("out").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, self.count, kind)
        self.pipe.add(decode)
        decode.sync_state_with_parent()
        assert pad.link(decode.get_static_pad("sink")) == Gst.PadLinkReturn.OK

    def film(self):
        """The known picture, as often as this process gets to it."""
        camera, start, number = self.pipe.get_by_name("camera"), time.monotonic(), 0
        while True:
            number = max(number + 1, int((time.monotonic() - start) * 30))
            time.sleep(max(0, start + number / 30 - time.monotonic()))
            camera.emit("push-buffer", Gst.Buffer.new_wrapped(picture.draw(self.role, number).tobytes()))

    def look(self, pad, info):
        caps = pad.get_current_caps().get_structure(0)
        width, height = caps.get_value("width"), caps.get_value("height")
        data = info.get_buffer().extract_dup(0, info.get_buffer().get_size())
        grey = numpy.frombuffer(data, dtype=numpy.uint8).reshape(height, -1)[:, :width]
        return picture.read(grey)

    def count(self, pad, info, kind):
        self.counts[kind] += 1
        shown = self.look(pad, info) if kind == "video" else None
        if shown:
            tell(event="video", role=shown[0], number=shown[1], frames=self.counts[kind], at=time.time() * 1000)
        elif self.counts[kind] % 25 == 0:
            tell(event=kind, frames=self.counts[kind])
        return Gst.PadProbeReturn.OK


def main():
    Gst.init(None)
    loop = GLib.MainLoop()
    peer = Peer(sys.argv[1], sys.argv[2], sys.stdin.readline().strip())
    peer.pipe.set_state(Gst.State.PLAYING)
    threading.Thread(target=peer.film, daemon=True).start()
    threading.Thread(target=lambda: (sys.stdin.read(), loop.quit()), daemon=True).start()
    loop.run()
    peer.pipe.set_state(Gst.State.NULL)


main()
