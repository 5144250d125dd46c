"""Camera streams are encoded as asked, and measured beside both baselines."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from benchmarks.fixtures.encoding import CameraStream, Codec, Rate, SensorNoise, encode_clip
from benchmarks.fixtures.render import RenderSpec, Scene
from benchmarks.harness.hotlist_fixture import Reading
from benchmarks.harness.runner import Bench
from benchmarks.speed import streams

FPS = 25


def keys_of(path: Path) -> tuple[str, list[int]]:
    """Return a clip's codec and which of its pictures are key pictures."""
    with av.open(str(path)) as container:
        track = container.streams.video[0]
        assert track.time_base is not None
        keys = [packet.pts for packet in container.demux(track) if packet.is_keyframe]
        return track.codec_context.name, [
            round(pts * track.time_base * FPS) for pts in keys if pts is not None
        ]


@pytest.mark.parametrize(("codec", "name"), [(Codec.H264, "h264"), (Codec.H265, "hevc")])
@pytest.mark.parametrize("rate", list(Rate))
def test_a_stream_has_the_codec_and_the_key_pictures_asked_for(
    codec: Codec, name: str, rate: Rate, tmp_path: Path
) -> None:
    """Each codec at each rate, a key picture a second."""
    scene = Scene(RenderSpec(seed=1, seconds=2, traffic=0, width=320, height=192))
    encode_clip(scene, tmp_path / "road.mp4", CameraStream(codec, rate, gop_s=1))
    assert keys_of(tmp_path / "road.mp4") == (name, [0, FPS])


def test_a_constant_rate_is_spent_on_an_empty_road(tmp_path: Path) -> None:
    """At a constant rate an empty road without noise is as large as asked; at a variable one it is far smaller."""
    scene = Scene(RenderSpec(seed=1, seconds=2, traffic=0, width=320, height=192))
    sizes = {}
    for rate in Rate:
        encode_clip(scene, tmp_path / f"{rate}.mp4", CameraStream(rate=rate, kilobits=600, noise=0.0))
        sizes[rate] = (tmp_path / f"{rate}.mp4").stat().st_size
    assert 0.7 < sizes[Rate.CONSTANT] / (600_000 * 2 / 8) < 1.4
    assert sizes[Rate.VARIABLE] < sizes[Rate.CONSTANT] / 2


def test_noise_is_new_in_every_picture_and_of_the_size_asked_for() -> None:
    """An empty road is not the same picture twice."""
    noise, grey = SensorNoise(120, 160, 3.0, seed=1), np.full((120, 160, 3), 128, np.uint8)
    first, second = noise.over(grey).astype(float), noise.over(grey).astype(float)
    assert not np.array_equal(first, second)
    assert first.std() == pytest.approx(3.0, rel=0.1)
    assert np.array_equal(SensorNoise(120, 160, 0.0, seed=1).over(grey), grey)


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """The message names the file and the stream."""
    scene = Scene(RenderSpec(seed=1, seconds=1, traffic=0, width=320, height=192))
    with pytest.raises(OSError, match="h264 cbr"):
        encode_clip(scene, tmp_path / "absent" / "road.mp4", CameraStream())


def test_the_roads_of_a_full_run_cover_what_cameras_send() -> None:
    """Both codecs and rates, three lengths of GOP and three sizes, each empty and busy."""
    chosen = streams.settings(1, short=False)
    assert {(stream.codec, stream.rate) for _, stream in chosen} == {(c, r) for c in Codec for r in Rate}
    assert {stream.gop_s for _, stream in chosen} == {1, 2, 4}
    assert {spec.height for spec, _ in chosen} == {720, 1080, 2160}
    assert {spec.traffic for spec, _ in chosen} == set(streams.TRAFFIC)
    assert all(stream.noise > 0 for _, stream in chosen)


def test_a_short_run_measures_both_baselines_and_the_hardened_edge() -> None:
    """One small road through the real edge and both loops: two ratios, and the edge ran as `alpr-edge run` does."""
    part: dict[str, Any] = streams.run(Bench(Reading(), short=True))
    assert {figure["key"].split(".")[-1] for figure in part["figures"]} == {"quiet_gain", "readme_gain"}
    hardened = [check for check in part["checks"] if "hardened" in check["name"]]
    assert hardened
    assert all(check["passed"] for check in hardened)
