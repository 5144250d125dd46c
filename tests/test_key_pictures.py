"""A quiet road is watched by its key pictures alone, and nothing of a vehicle is missed for it."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from pydantic import SecretStr

from edge.capture import key_pictures, packet_ring
from edge.capture.demuxed import StreamDecoder
from edge.capture.key_pictures import HOLD_NS, SILENCE_NS, KeyPictures
from edge.capture.packet_ring import PacketRing
from edge.capture.process import Post
from edge.capture.settings import RtspSettings
from edge.capture.wire import Request, Token, Watch
from edge.flow import Pixels
from edge.pipeline.tracks import GAP_NS
from edge.runtime.watching import decoded_in_full
from hitonly_core.clock import NS
from tests.clip_kit import SIZE, write_clip

FPS = 25
WATCH = Watch(apart_ns=2_200_000_000, life_ns=60 * NS, hang_ns=60 * NS, detector_width=448)
CODERS: dict[str, dict[str, object]] = {
    "H.264": {"options": {"bf": "0", "x264-params": "scenecut=0"}},
    "H.264, coded out of order": {"options": {"bf": "3", "b-pyramid": "normal", "x264-params": "scenecut=0"}},
    "H.264, open": {"options": {"x264-params": "open-gop=1:bframes=3:scenecut=0"}},
    "H.265": {"codec": "libx265", "options": {"x265-params": "log-level=none:bframes=0:scenecut=0"}},
    "H.265, open": {
        "codec": "libx265",
        "options": {"x265-params": "log-level=none:bframes=4:open-gop=1:scenecut=0"},
    },
    "MPEG-4": {"codec": "mpeg4", "options": {}},
}


def road(frames: int, vehicles: dict[int, int]) -> Iterator[Pixels]:
    """Yield a still road under noise; from each key of `vehicles` on, a square crosses it in so many frames."""
    base = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    base[SIZE[1] // 2 :] = 120
    for number in range(frames):
        noise = np.random.default_rng(number).integers(0, 7, base.shape, np.uint8)
        picture = base + noise
        for begins, lasts in vehicles.items():
            if begins <= number < begins + lasts:
                left = (SIZE[0] - 80) * (number - begins) // lasts
                picture[100:170, left : left + 80] = 220
                picture[130:140, left + 20 : left + 60] = 10 + number % 200
        yield picture


def request_for(clip: Path, watch: Watch | None = WATCH) -> Request:
    """Return the request for a clip."""
    return Request(parent=os.getpid(), kind="video", places=(str(clip),), watch=watch)


def seen(clip: Path, watch: Watch | None = WATCH) -> tuple[dict[int, bytes], int]:
    """Return what a decoder gives for each frame of a clip, in order, and how many packets it skipped."""
    decoder, found = StreamDecoder(request_for(clip, watch)), dict[int, bytes]()
    while decoder.advance():
        number = round(decoder.stream_ns() * FPS / NS)
        assert not found or number > max(found), "in order, and none twice"
        found[number] = decoder.picture(np.zeros((*decoder.shape(), 3), np.uint8)).tobytes()
    codec = decoder._codec
    return found, codec.skipped if isinstance(codec, KeyPictures) else 0


def clip_of(path: Path, gop: int, coder: str, vehicles: dict[int, int], frames: int = 700) -> Path:
    """Write a clip with a key picture every `gop` frames."""
    told = cast("dict[str, Any]", CODERS[coder])
    options = {**told["options"]}
    for library in {"x264-params", "x265-params"} & set(options):
        options[library] += f":keyint={gop}:min-keyint={gop}"
    codec = told.get("codec", "libx264")
    return write_clip(path, road(frames, vehicles), codec=codec, options=options, gop=gop)


@pytest.mark.parametrize("coder", CODERS)
def test_every_picture_of_a_vehicle_is_seen_as_by_full_decoding(coder: str, tmp_path: Path) -> None:
    """However a stream is coded: each picture that shows a vehicle comes, to the bit, and in order."""
    vehicles = {290: 60, 520: 30}
    clip = clip_of(tmp_path / "clip.mkv", FPS, coder, vehicles)
    all_of_it, _ = seen(clip, None)
    some, skipped = seen(clip)

    shown = {number for begins, lasts in vehicles.items() for number in range(begins, begins + lasts)}
    assert len(all_of_it) == 700
    assert shown <= set(some)
    assert all(some[number] == all_of_it[number] for number in some)
    assert skipped > 150, "the control: of the quiet road most pictures were never decoded"


@pytest.mark.parametrize("gop", [1, 2, 4])
@pytest.mark.parametrize("lasts", [55, 110])
def test_a_vehicle_that_is_in_view_for_longer_than_a_key_interval_is_never_missed(
    gop: int, lasts: int, tmp_path: Path
) -> None:
    """At any moment of the interval; where key pictures are 4 s apart, every picture is decoded."""
    begins = [367, 391]
    for begin in begins:
        clip = clip_of(tmp_path / f"{begin}.mkv", gop * FPS, "H.264", {begin: lasts})
        some, skipped = seen(clip)
        assert set(range(begin, begin + lasts)) <= set(some)
        assert (skipped > 0) is (gop <= 2)


def test_a_vehicle_between_two_key_pictures_is_what_cannot_be_seen(tmp_path: Path) -> None:
    """The known limit, as `check` and docs/cameras.md say it: in view for less than the interval."""
    clip = clip_of(tmp_path / "clip.mkv", 2 * FPS, "H.264", {405: 30})
    some, _ = seen(clip)
    closer, _ = seen(clip, Watch(1_200_000_000, 60 * NS, 60 * NS, 448))

    assert not set(range(405, 435)) & set(some)
    assert set(range(405, 435)) <= set(closer), "with key_pictures_s = 1 this camera is decoded in full"


@pytest.mark.parametrize(
    "params", ["intra-refresh=1:bframes=0:scenecut=0", "tff=1:bframes=0:scenecut=0"], ids=["strips", "fields"]
)
def test_key_pictures_that_do_not_stand_alone_are_not_relied_on(params: str, tmp_path: Path) -> None:
    """A stream refreshed strip by strip, and one of fields: every picture is decoded."""
    options = {"x264-params": params}
    clip = write_clip(tmp_path / "clip.mkv", road(400, {310: 15}), options=options, gop=FPS)
    some, skipped = seen(clip)
    assert (len(some), skipped) == (len(seen(clip, None)[0]), 0)


def test_a_stream_whose_time_begins_anew_is_watched_on(tmp_path: Path) -> None:
    """A camera that starts its clock anew: no picture twice, and quiet again soon after."""
    clip = clip_of(tmp_path / "clip.mkv", FPS, "H.264", {}, frames=300)
    decoder = StreamDecoder(request_for(clip))
    keys = cast("KeyPictures", decoder._codec)
    skipped = []
    for turn in range(2):
        with av.open(str(clip)) as container:
            for packet in container.demux(video=0):
                if packet.size:
                    if turn == 0:
                        packet.pts, packet.dts = (packet.pts or 0) + 10**6, (packet.dts or 0) + 10**6
                    keys.decode(packet)
                    while keys.replaying:
                        keys.replay()
        skipped.append(keys.skipped)
    assert skipped[0] > 100
    assert skipped[1] > skipped[0] + 100


def test_what_waits_is_decoded_when_the_stream_ends(tmp_path: Path) -> None:
    """A vehicle after the last key picture of a clip, or of a camera that breaks off, is seen."""
    clip = clip_of(tmp_path / "clip.mkv", FPS, "H.264", {305: 15}, frames=320)
    some, skipped = seen(clip)
    assert skipped > 100
    assert set(range(305, 320)) <= set(some)


def test_packets_that_do_not_fit_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ring that is too small for one interval: nothing is missed, every picture comes."""
    clip = clip_of(tmp_path / "clip.mkv", FPS, "H.264", {350: 15})
    monkeypatch.setattr(packet_ring, "MOST_BYTES", 1 << 16)
    some, _ = seen(clip)
    assert set(range(350, 365)) <= set(some)


def test_memory_that_is_not_locked_holds_no_packets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel does not lock it, every picture is decoded."""
    clip = clip_of(tmp_path / "clip.mkv", FPS, "H.264", {})
    init = PacketRing.__init__

    def unlocked(self: PacketRing) -> None:
        init(self)
        self.locked = False

    monkeypatch.setattr(PacketRing, "__init__", unlocked)
    some, skipped = seen(clip)
    assert (len(some), skipped) == (700, 0)


def quiet_decoder(clip: Path) -> StreamDecoder:
    """Return a decoder that has fallen quiet, with packets in its ring."""
    decoder = StreamDecoder(request_for(clip))
    keys = cast("KeyPictures", decoder._codec)
    while keys._codec is not None or keys.skipped < FPS:
        assert decoder.advance()
    while keys._ring.waiting < FPS // 2:
        packet = next(decoder._packets)
        assert not keys.decode(packet)
    return decoder


def test_the_ring_holds_one_interval_and_is_wiped_by_the_next_key_picture(tmp_path: Path) -> None:
    """What waits is there, byte for byte; after the next key picture nothing of it is left."""
    clip = clip_of(tmp_path / "clip.mkv", FPS, "H.264", {})
    decoder = quiet_decoder(clip)
    keys = cast("KeyPictures", decoder._codec)
    memory, kept = keys._ring._arena.memory, list(keys._ring._kept)
    old = [memory[each.start : each.start + each.size].tobytes() for each in kept]
    assert kept[0].key
    assert not any(each.key for each in kept[1:])
    assert all(len(set(packet)) > 10 for packet in old), "the control: they are there"
    while not (packet := next(decoder._packets)).is_keyframe:
        keys.decode(packet)
    keys.decode(packet)

    (key,) = keys._ring._kept
    now = keys._ring._arena.memory.tobytes()
    assert not any(packet[16:] in now for packet in old)
    assert not any(now[key.size :])


def test_what_waits_for_too_long_is_wiped_while_the_camera_is_silent(tmp_path: Path) -> None:
    """After four seconds without a packet nothing is left; the next key picture starts full decoding."""
    clip = clip_of(tmp_path / "clip.mkv", FPS, "H.264", {})
    decoder = quiet_decoder(clip)
    keys = cast("KeyPictures", decoder._codec)
    first_ns = keys._ring._kept[0].came_ns
    keys.lapse(first_ns + SILENCE_NS)
    assert keys._ring._arena.memory.any(), "the control: not before its time"
    keys.lapse(first_ns + SILENCE_NS + 1)
    assert not keys._ring._arena.memory.any()

    while not (packet := next(decoder._packets)).is_keyframe:
        assert not keys.decode(packet)
    keys.decode(packet)
    assert keys.replaying
    assert keys.replay()
    packet = next(decoder._packets)
    assert keys.decode(packet)


def test_a_ring_that_is_taken_out_is_wiped_packet_by_packet(tmp_path: Path) -> None:
    """What is being decoded does not wait any longer."""
    clip = clip_of(tmp_path / "clip.mkv", FPS, "H.264", {}, frames=30)
    ring = PacketRing()
    with av.open(str(clip)) as container:
        video = container.streams.video[0]
        for packet in container.demux(video):
            if packet.size:
                assert ring.put(packet, 0)
        whole = ring._arena.memory.copy()
        while taken := ring.take(video):
            packet, kept = taken
            assert bytes(packet) == whole[kept.start : kept.start + kept.size].tobytes()
            assert not ring._arena.memory[: kept.start + kept.size].any()
    assert not ring._arena.memory.any()


def test_what_is_caught_up_with_bears_the_time_at_which_it_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A vehicle that waited in the ring is stamped with its packets' times, not with the time of its decoding."""
    clip = clip_of(tmp_path / "clip.mkv", FPS, "H.264", {410: 60})
    now = [0]
    monkeypatch.setattr(key_pictures, "_boot_ns", lambda: NS + now[0])
    decoder = StreamDecoder(request_for(clip))
    packets = decoder._packets

    def paced() -> Iterator[object]:
        for number, packet in enumerate(packets):
            now[0] = number * NS // FPS
            yield packet

    decoder._packets = cast("Any", paced())
    late = {}
    while decoder.advance():
        if came_ns := decoder.came_ns():
            late[round(decoder.stream_ns() * FPS / NS)] = round((came_ns - NS) * FPS / NS)
    assert set(range(410, 425)) <= set(late)
    assert all(abs(number - came) <= 1 for number, came in late.items())


def test_pictures_that_are_caught_up_with_are_not_given_up_for_newer_ones() -> None:
    """While the edge is busy the capture process waits with them; live ones are dropped as ever."""
    control, edge = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ready, ready_back = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    post = Post(control, ready, ready_back, newest_wins=True)
    token = Token(0, 1, 1, 0, 0, 0, 0, 0, 0)
    for waits, left in ((True, 0), (False, 1)):
        post._free = [0]
        post.send(token)
        post.waits = waits
        post.drop_waiting()
        assert post.dropped == left
    for line in (control, edge, ready, ready_back):
        line.close()


def test_a_request_brings_the_watch_through_the_pipe() -> None:
    """Zones are polygons of pairs again at the other end."""
    watch = Watch(1, 2, 3, 448, include=(((0.0, 0.5), (1.0, 0.5), (1.0, 1.0)),))
    request = Request(parent=1, kind="rtsp", places=("rtsp://x",), watch=watch)
    assert Request.from_bytes(request.to_bytes()) == request


@pytest.mark.parametrize(
    ("source", "window_s", "why"),
    [
        ({}, 180.0, "key_pictures_s is 0"),
        ({"key_pictures_s": 2}, 180.0, ""),
        ({"key_pictures_s": 2}, 0.0, "window"),
        ({"key_pictures_s": 2}, 9.0, "window"),
        ({"restart_after_s": 5, "key_pictures_s": 2}, 180.0, "restart_after_s"),
        ({"frozen_after_s": 5, "key_pictures_s": 2}, 180.0, "frozen_after_s"),
        ({"frozen_after_s": 5, "key_pictures_s": 1}, 180.0, ""),
    ],
)
def test_where_key_pictures_alone_would_not_do_every_picture_is_decoded(
    source: dict[str, float], window_s: float, why: str
) -> None:
    """A window without time for packets to wait, a setting, a patience that key pictures would try."""
    settings = RtspSettings(url=SecretStr("rtsp://127.0.0.1/road"), **cast("dict[str, Any]", source))
    told = decoded_in_full(settings, window_s)
    assert why in told
    assert bool(told) is bool(why)


def test_the_road_is_held_open_after_motion_for_longer_than_a_track_may_have_gaps() -> None:
    """Else a pass would end while its pictures are not decoded."""
    assert HOLD_NS > GAP_NS
