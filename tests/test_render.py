import csv
import re
from collections.abc import Callable
from dataclasses import astuple
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.drawing.plates import FORMATS
from benchmarks.drawing.weather import Weather
from benchmarks.fixtures.ground_truth import read_truth
from benchmarks.fixtures.labelled import find
from benchmarks.fixtures.render import LEGIBLE_PIXELS, RenderSpec, Scene, render
from benchmarks.matching.drawn_pictures import draw_pictures

SMALL = RenderSpec(seed=3, seconds=6, traffic=40, width=960, height=540)


@pytest.fixture(scope="module")
def scene() -> Scene:
    """A drawn road, asked for single frames."""
    return Scene(SMALL)


def test_same_seed_same_frames(scene: Scene) -> None:
    """The seed decides every pixel and the truth; another seed gives another clip."""
    again, other = Scene(SMALL), Scene(RenderSpec(seed=4, seconds=6, traffic=40, width=960, height=540))
    assert scene.truth == again.truth
    assert scene.truth.passes != other.truth.passes
    for number in (0, 60, 149):
        assert np.array_equal(scene.frame(number), again.frame(number))
    assert not np.array_equal(scene.frame(60), other.frame(60))


def test_frames_do_not_depend_on_each_other(scene: Scene) -> None:
    """A frame asked for alone is the frame of the whole clip."""
    alone = scene.frame(41)
    in_turn = next(frame for number, frame in enumerate(scene.frames()) if number == 41)
    assert np.array_equal(alone, in_turn)


def test_truth_is_where_the_pixels_are(scene: Scene) -> None:
    """In each legible box stands a plate: dark ink on bright paper, which the empty road does not have there."""
    empty = Scene(RenderSpec(seed=3, seconds=6, traffic=0, width=960, height=540)).frame(0)
    legible = [box for box in scene.truth.boxes if box.legible]
    assert legible
    for box in legible[::5]:
        place = (
            slice(int(box.y + 1), int(box.y + box.height - 1)),
            slice(int(box.x + 1), int(box.x + box.width - 1)),
        )
        assert _is_plate(scene.frame(box.frame)[place])
        assert not _is_plate(empty[place])


def _is_plate(pixels: np.ndarray) -> bool:
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    low, high = np.percentile(grey, [5, 90])
    return bool(high - low > 70 and 0.4 < (grey > (low + high) / 2).mean() < 0.95)


def test_a_pass_is_legible_from_its_first_to_its_last_frame(scene: Scene) -> None:
    """Each pass's range is exactly the frames in which its plate is wholly in view with characters high enough."""
    for one in scene.truth.passes:
        frames = [box.frame for box in scene.truth.boxes if box.plate == one.plate and box.legible]
        assert frames == list(range(one.first_frame, one.last_frame + 1))
    tallest = max(form.character[1] / form.size[1] for form in FORMATS)
    assert all(box.height * tallest >= LEGIBLE_PIXELS for box in scene.truth.boxes if box.legible)


def test_a_plate_grows_as_it_comes(scene: Scene) -> None:
    """Perspective: within a pass the plate is larger in every frame than in the one before."""
    for one in scene.truth.passes:
        widths = [box.width for box in scene.truth.boxes if box.plate == one.plate]
        assert all(later > earlier for earlier, later in pairwise(widths))


NEVER_ISSUED: dict[str, Callable[[str], bool]] = {
    "GB": lambda p: bool(re.fullmatch(r"Z[A-Z]1[0-9][A-Z]{3}", p)),
    "DE": lambda p: bool(re.fullmatch(r"X[A-Z][A-Z]{2}[1-9][0-9]{2}", p)),
    "FR": lambda p: bool(re.fullmatch(r"U[A-Z][1-9][0-9]{2}[A-Z]{2}", p)),
    "ES": lambda p: bool(re.fullmatch(r"[0-9]{4}[AE][A-Z]{2}", p)),
    "NL": lambda p: bool(re.fullmatch(r"[A-Z][1-9][0-9]{2}[AE][A-Z]", p)),
    "US-CA": lambda p: len(p) == 8,
    "US-NH": lambda p: len(p) == 8,
}


@given(seed=st.integers(0, 2**32 - 1), place=st.integers(0, len(FORMATS) - 1))
def test_no_plate_drawn_can_be_on_a_car(seed: int, place: int) -> None:
    """Each format breaks a rule of its issuer in every number, and still is 5 to 8 characters of 0-9A-Z."""
    form = FORMATS[place]
    plate = "".join(form.number(np.random.default_rng(seed)))
    assert NEVER_ISSUED[form.region](plate)
    assert re.fullmatch(r"[0-9A-Z]{5,8}", plate)


def test_each_plate_passes_once() -> None:
    """No two vehicles of a clip share a number, so that a hit names one pass."""
    scene = Scene(RenderSpec(seed=1, seconds=30, traffic=60, width=320, height=180))
    assert len({box.plate for box in scene.truth.boxes}) == scene.spec.vehicles == 30


def test_an_empty_road_holds_no_plate() -> None:
    """Without traffic there is no plate in the truth, and frames differ by the sensor's noise alone."""
    scene = Scene(RenderSpec(seed=3, seconds=2, traffic=0, width=320, height=180))
    assert scene.truth.passes == ()
    assert scene.truth.boxes == ()
    assert scene.truth.share_with_plate == 0
    assert np.abs(scene.frame(0).astype(int) - scene.frame(40)).mean() < 5


@pytest.mark.parametrize("weather", list(Weather))
def test_every_weather_draws(weather: Weather) -> None:
    """Each weather gives frames of the asked size that are no other weather's."""
    frame = Scene(RenderSpec(seed=3, seconds=4, traffic=15, weather=weather, width=320, height=180)).frame(45)
    clear = Scene(RenderSpec(seed=3, seconds=4, traffic=15, width=320, height=180)).frame(45)
    assert frame.shape == (180, 320, 3)
    assert frame.std() > 5
    assert (weather is Weather.CLEAR) == np.array_equal(frame, clear)


def test_clip_and_truth_files(tmp_path: Path) -> None:
    """The clip has every frame at its rate, and the CSV says what the truth says."""
    spec = RenderSpec(seed=5, seconds=4, traffic=30, width=640, height=360, fps=20)
    truth = render(spec, tmp_path / "c.mp4", tmp_path / "truth.csv", tmp_path / "boxes.csv")
    capture = cv2.VideoCapture(str(tmp_path / "c.mp4"))
    assert (capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)) == (80, 20)
    assert read_truth(tmp_path / "truth.csv") == truth.passes
    with (tmp_path / "boxes.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(truth.boxes)


@pytest.mark.parametrize(
    "make",
    [
        lambda: RenderSpec(seconds=6, traffic=500),
        lambda: RenderSpec(seconds=0),
        lambda: RenderSpec(traffic=-1),
        lambda: RenderSpec(fps=0),
    ],
)
def test_what_cannot_be_drawn_is_refused(make: Callable[[], RenderSpec]) -> None:
    """More traffic than the lanes carry, or a length of nothing, is refused before anything is drawn."""
    with pytest.raises(ValueError, match=r"must be positive|more than the road carries"):
        make()


def test_a_clip_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """A folder that is absent is said, and nothing is left."""
    spec = RenderSpec(seconds=2, traffic=0, width=320, height=180)
    with pytest.raises(OSError, match="cannot be written"):
        render(spec, tmp_path / "absent" / "c.mp4")
    assert not list(tmp_path.iterdir())


def test_drawn_pictures_carry_their_labels(tmp_path: Path) -> None:
    """Pictures drawn for other parts come in OpenALPR's layout, each with the box and text of its plate."""
    draw_pictures(tmp_path, seed=1, each=2)
    eu, us = find(tmp_path)
    assert (eu.name, us.name) == ("eu", "us")
    for picture in (*eu.pictures, *us.pictures):
        assert picture.box is not None
        left, top, right, bottom = (round(side) for side in astuple(picture.box))
        pixels = cv2.imread(str(picture.path))
        assert pixels is not None
        assert _is_plate(pixels[top + 1 : bottom - 1, left + 1 : right - 1].astype(np.uint8))
