"""Drawn roads as cameras encode them: the same hits and reads by key pictures as with every picture decoded."""

from pathlib import Path

import pytest

from benchmarks.fixtures import clips
from benchmarks.fixtures.encoding import CameraStream, Codec, Rate
from benchmarks.fixtures.render import RenderSpec
from benchmarks.harness.hotlist_fixture import Reading
from benchmarks.harness.runner import Bench, department
from benchmarks.speed.worker import WATCHED


@pytest.mark.parametrize(
    ("speed", "stream"),
    [
        (28.0, CameraStream(Codec.H264, Rate.CONSTANT, gop_s=2)),
        (14.0, CameraStream(Codec.H265, Rate.VARIABLE, gop_s=1)),
        (35.0, CameraStream(Codec.H264, Rate.VARIABLE, gop_s=4)),
    ],
    ids=["28 m/s, H.264, 2 s", "14 m/s, H.265, 1 s", "35 m/s, H.264, 4 s"],
)
def test_hits_and_reads_are_those_of_full_decoding(
    speed: float, stream: CameraStream, tmp_path: Path
) -> None:
    """Every plate that passes is on the list; where key pictures are 4 s apart, every picture is decoded anyway."""
    bench = Bench(Reading(), short=True)
    clip = clips.camera(bench, tmp_path, RenderSpec(5, 22.0, 6.0, speed=speed), stream)
    with department(clip.plates) as home:
        full, some = (home.run(kind, clip, bench.reading) for kind in ("edge", WATCHED))

    assert full["hit"], "the control: vehicles pass, and are hit"
    assert sorted(some["hit"]) == sorted(full["hit"])
    assert some["counts"]["reads"] == full["counts"]["reads"]
    assert full["frames"] == 22 * 25
    assert (some["frames"] < full["frames"]) is (stream.gop_s <= 2)
