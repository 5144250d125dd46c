"""A camera for long measurements: encodes a drawn road once as H.264, and serves it over RTSP, round and round.

Run by the system's Python, which has GStreamer's bindings: ``rtsp_loop.py WIDTH HEIGHT FPS [RECORDING]``. Raw
BGR frames come on standard input until it ends; then the port is printed, and the road is served at ``/road``
until killed. With RECORDING the encoded pictures are written there, and whoever connects later joins the road
where it is: time on it goes on from the first connection.
"""

# ruff: noqa: ANN401 - GStreamer's bindings carry no types

import sys
import time
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402 - after the versions are chosen

ENCODE = (
    "fdsrc fd=0 ! rawvideoparse format=bgr width={width} height={height} framerate={fps}/1 ! videoconvert"
    "{colours}"
    " ! x264enc tune=zerolatency speed-preset=ultrafast threads=1 sliced-threads=false bitrate=4096"
    " key-int-max={fps} ! video/x-h264,stream-format=byte-stream,alignment=au ! appsink name=out sync=false"
)
AS_CAMERAS_DO = " ! video/x-raw,format=I420"
SERVE = (
    "( appsrc name=road is-live=true format=time do-timestamp=true"
    " caps=video/x-h264,stream-format=byte-stream,alignment=au,framerate={fps}/1"
    " ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
)


def encode(width: int, height: int, fps: int, colours: str = "") -> list[bytes]:
    """Return each picture of standard input, encoded."""
    pipeline = Gst.parse_launch(ENCODE.format(width=width, height=height, fps=fps, colours=colours))
    out = pipeline.get_by_name("out")
    pipeline.set_state(Gst.State.PLAYING)
    pictures = []
    while sample := out.emit("pull-sample"):
        buffer = sample.get_buffer()
        pictures.append(buffer.extract_dup(0, buffer.get_size()))
    pipeline.set_state(Gst.State.NULL)
    return pictures


class Feed:
    """Hands the pictures to whoever watches, at the camera's pace."""

    def __init__(self, pictures: list[bytes], fps: int, *, onward: bool) -> None:
        self._pictures, self._fps, self._onward = pictures, fps, onward
        self._start, self._sent = time.monotonic(), 0
        self._road: Any = None

    def watch(self, _factory: Any, media: Any) -> None:
        """Feed this media from now on."""
        self._road = media.get_element().get_by_name("road")
        if not self._onward or not self._sent:
            self._start, self._sent = time.monotonic(), 0
        media.connect("unprepared", self._unwatch)

    def _unwatch(self, _media: Any) -> None:
        self._road = None

    def tick(self) -> bool:
        """Send what is due."""
        if self._road is not None:
            due = int((time.monotonic() - self._start) * self._fps)
            self._sent = max(
                self._sent, due - self._fps
            )  # after a stall the camera does not catch up for ever
            while self._sent < due:
                picture = self._pictures[self._sent % len(self._pictures)]
                self._road.emit("push-buffer", Gst.Buffer.new_wrapped(picture))
                self._sent += 1
        return True


def main() -> None:
    """Serve until killed."""
    width, height, fps = (int(word) for word in sys.argv[1:4])
    Gst.init(None)
    recording = "".join(sys.argv[4:])
    pictures = encode(width, height, fps, AS_CAMERAS_DO if recording else "")
    if recording:
        Path(recording).write_bytes(b"".join(pictures))
    feed = Feed(pictures, fps, onward=bool(recording))
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(SERVE.format(fps=fps))
    factory.set_shared(True)
    factory.connect("media-configure", feed.watch)
    server.get_mount_points().add_factory("/road", factory)
    server.attach(None)
    GLib.timeout_add(500 // fps, feed.tick)
    sys.stdout.write(f"{server.get_bound_port()}\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
