"""A camera for the tests: a real RTSP server that encodes a moving picture as H.264 or H.265.

Run by the system's Python, which has GStreamer's bindings:

    rtsp_server.py PORT USER PASSWORD CODEC [CERTIFICATE | digest]

CERTIFICATE is a PEM file of a certificate and its key, for rtsps. With ``digest`` the password is asked for by
digest only, and is read from the first line of standard input, so that it stands in no argument. It prints its port
once it serves, and obeys one word a line on standard input: ``resize`` changes the size, ``still`` and ``black``
make it the same for ever, ``snow`` makes every picture another noise. CODEC is ``h264`` or ``h265``, with a
key picture every 0.4 seconds, or ``h264-rare``, with one every 40.
"""

# ruff: noqa: ANN401 - GStreamer's bindings carry no types

import sys
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402 - after the versions are chosen

SMALL = "video/x-raw,format=I420,width=320,height=240,framerate=25/1"
LARGE = "video/x-raw,format=I420,width=640,height=480,framerate=25/1"
PIPELINE = (
    "( videotestsrc name=picture is-live=true pattern=ball ! capsfilter name=size caps={size}"
    " ! {encoder} name=pay0 pt=96 config-interval=-1 )"
)
ENCODERS = {
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast sliced-threads=false threads=1 key-int-max=10"
    " ! rtph264pay",
    "h264-rare": "x264enc tune=zerolatency speed-preset=ultrafast sliced-threads=false threads=1 key-int-max=1000"
    " option-string=scenecut=0 ! rtph264pay",
    "h265": "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=10"
    " option-string=pools=1:frame-threads=1:log-level=none ! rtph265pay",
}


def obey(media: Any, word: str) -> None:
    """Change the running picture."""
    pipeline = media.get_element()
    if word == "resize":
        pipeline.get_by_name("size").set_property("caps", Gst.Caps.from_string(LARGE))
    elif word == "still":
        pipeline.get_by_name("picture").set_property("pattern", "white")
    elif word == "snow":
        pipeline.get_by_name("picture").set_property("pattern", "snow")
    elif word == "black":
        pipeline.get_by_name("picture").set_property("pattern", "black")


def protect(server: Any, factory: Any, user: str, password: str, certificate: str) -> None:
    """Let nobody in without the password, nor without TLS where there is a certificate."""
    auth = GstRtspServer.RTSPAuth()
    if certificate and certificate != "digest":
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(certificate))
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    if certificate == "digest":
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(user, password, token)
    else:
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    for permission in ("media.factory.access", "media.factory.construct"):
        permissions.add_permission_for_role("viewer", permission, True)  # noqa: FBT003 - its own signature
    factory.set_permissions(permissions)


def main() -> None:
    """Serve until killed."""
    port, user, password, codec = sys.argv[1:5]
    certificate = sys.argv[5] if len(sys.argv) > 5 else ""
    if certificate == "digest":
        password = sys.stdin.readline().rstrip("\n")
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(PIPELINE.format(size=SMALL, encoder=ENCODERS[codec]))
    factory.set_shared(True)
    running = []
    factory.connect("media-configure", lambda _, media: running.append(media))
    protect(server, factory, user, password, certificate)
    server.get_mount_points().add_factory("/road", factory)
    server.attach(None)

    def read_command(*_: object) -> bool:
        word = sys.stdin.readline().strip()
        if word:
            obey(running[-1], word)
        return bool(word)

    GLib.io_add_watch(0, GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN, read_command)
    sys.stdout.write(f"{server.get_bound_port()}\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
