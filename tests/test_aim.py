"""`alpr-edge aim`: the numbers are right, the advice follows from them, and nothing of a plate is shown or kept."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.fixtures.ground_truth import TrueBox, Truth
from benchmarks.fixtures.render import RenderSpec, Scene, render
from edge.capture.base import State
from edge.capture.blank import Shows
from edge.capture.settings import FileSettings
from edge.config import CameraSection, ModelsSection
from edge.errors import ConfigError, Exit
from edge.flow import CROP_WIDTH
from edge.hardening.landlock import Allowed
from edge.runtime import aim_run
from edge.runtime.aim import Aim
from edge.runtime.aim_advice import Advice, Sample, SeenPlate, advice_for
from edge.runtime.aim_report import body_of, line_of
from edge.runtime.aim_target import target_of
from edge.runtime.build import load_models, open_detector
from edge.runtime.instance_lock import alone
from edge.vision.plate_view import (
    LEAST_ACROSS,
    LEAST_CONTRAST,
    LEAST_DOWN,
    LEAST_IN_NETWORK,
    LEAST_WIDTH,
    MOST_GLARE,
    MOST_TILT,
    PlateView,
)
from edge.vision.reader import PlateReader
from edge.vision.zones import Zones
from hitonly_core.clock import SystemClock
from tests.box_kit import ROOT, Department, alpr_edge, events
from tests.test_sources_live import PASSWORD, USER, Server, needs_rtsp_server

ROAD = RenderSpec(seed=7, seconds=6, traffic=30)
KEYS = {
    *("event", "aim", "state", "shows", "advice", "sentence", "plates", "width", "in_network", "sharpness"),
    *("across", "down", "brightness", "contrast", "glare", "tilt", "in_zones", "cut", "true", "false"),
}
SAYS = {"plate", "plates", "in", "view", "network", "zones", "inside", "outside"}
PROTECTION = re.compile(r"protection not in force: [a-z, -]+\n")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    """Render a road with its truth."""
    path = tmp_path_factory.mktemp("aim") / "road.mp4"
    return path, render(ROAD, path)


@pytest.fixture(scope="module")
def aiming() -> Aim:
    """Return an aim whose detector is the bundled one; its source is never opened."""
    camera = CameraSection(name="north", source=FileSettings(path=Path("absent.mp4")))
    detector = open_detector(camera, ModelsSection())

    class Online:
        state = State.ONLINE

    return Aim(Online(), detector, Zones(), 0.08, SystemClock(), lambda _sample: None)  # type: ignore[arg-type]


def vocabulary() -> set[str]:
    """Return every word that `aim` may write on standard output."""
    sentences = " ".join(advice.value for advice in Advice)
    words = {advice.word for advice in Advice} | {state.value for state in State}
    words |= {shows.name.lower() for shows in Shows}
    return KEYS | SAYS | set(re.findall(r"[\w'-]+", sentences)) | words


def strange(text: str) -> list[str]:
    """Return what stands in a text that is neither a word of the list nor a number of up to four digits."""
    number = re.compile(r"-?\d{1,4}(\.\d{1,2})?")
    found = re.findall(r"[\w'.-]*\w", text)
    return [word for word in found if word not in vocabulary() and not number.fullmatch(word)]


def plate(width: float = 100, in_network: float = 40, **changed: object) -> SeenPlate:
    """Return a plate that is seen well, but for what is changed."""
    view = PlateView(across=40, down=30, brightness=140, contrast=150, glare=0.1, tilt=0)
    of_view = {name: value for name, value in changed.items() if name in PlateView.__slots__}
    of_plate = {name: value for name, value in changed.items() if name not in of_view}
    seen = SeenPlate(width, in_network, in_zones=True, cut=False, view=replace(view, **of_view))  # type: ignore[arg-type]
    return replace(seen, **of_plate)  # type: ignore[arg-type]


def _likeness(box: TrueBox, boxes: Sequence[TrueBox]) -> bool:
    """Whether another plate of the same frame has about the same width."""
    others = [other for other in boxes if other is not box and other.frame == box.frame]
    return any(abs(other.width - box.width) < 10 for other in others)


@pytest.mark.parametrize(
    ("wanted", "picture", "advice"),
    [
        (48, (1280, 720), {Advice.NEARER}),
        (90, (1280, 720), {Advice.GOOD}),
        (70, (1920, 1080), {Advice.INPUT}),
    ],
)
def test_a_drawn_plate_has_its_width_and_the_right_advice(
    aiming: Aim, wanted: float, picture: tuple[int, int], advice: set[Advice]
) -> None:
    """Far, near, and near in a picture that the detector shrinks: the width is the drawn one's."""
    scene = Scene(replace(ROAD, width=picture[0], height=picture[1]))
    boxes = scene.truth.boxes
    apart = [box for box in boxes if abs(box.width - wanted) < 4 and not _likeness(box, boxes)]
    chosen = min(apart, key=lambda box: abs(box.width - wanted))
    sample = aiming.look(scene.frame(chosen.frame))
    assert sample.plates
    nearest = min(sample.plates, key=lambda seen: abs(seen.width - chosen.width))
    assert abs(nearest.width - chosen.width) <= max(3, 0.08 * chosen.width)
    assert advice_for(nearest) in advice
    scale = aiming.detector.scale_for(picture[1], picture[0])
    assert nearest.in_network == pytest.approx(nearest.width * scale)


@pytest.mark.parametrize(
    ("seen", "advice"),
    [
        (plate(), Advice.GOOD),
        (plate(LEAST_WIDTH - 1), Advice.NEARER),
        (plate(in_network=LEAST_IN_NETWORK - 1), Advice.INPUT),
        (plate(glare=MOST_GLARE + 0.01), Advice.GLARE),
        (plate(contrast=LEAST_CONTRAST - 1), Advice.FAINT),
        (plate(across=LEAST_ACROSS - 1), Advice.SHUTTER),
        (plate(down=LEAST_DOWN - 1), Advice.SHUTTER),
        (plate(across=LEAST_ACROSS - 1, down=LEAST_DOWN - 1), Advice.FOCUS),
        (plate(tilt=MOST_TILT + 2), Advice.TILT),
        (plate(tilt=-MOST_TILT - 2), Advice.TILT),
        (plate(CROP_WIDTH + 1), Advice.CLOSE),
    ],
)
def test_each_fault_has_its_advice(seen: SeenPlate, advice: Advice) -> None:
    """One step beyond a limit is told, and what is inside all of them is good."""
    assert advice_for(seen) is advice


def test_a_picture_without_a_plate_that_counts_has_its_advice() -> None:
    """No picture, a dark or even one, none, cut off, outside the zones; the widest that counts decides."""
    online = State.ONLINE
    assert Sample(State.OFFLINE).advice is Advice.NO_PICTURE
    assert Sample(State.CONNECTING).advice is Advice.NO_PICTURE
    assert Sample(online, Shows.DARK).advice is Advice.DARK
    assert Sample(online, Shows.EVEN).advice is Advice.EVEN
    assert Sample(online).advice is Advice.NO_PLATE
    assert Sample(online, plates=[plate(cut=True)]).advice is Advice.CUT
    assert Sample(online, plates=[plate(in_zones=False)]).advice is Advice.OUTSIDE
    mixed = [plate(300, in_zones=False), plate(100), plate(30)]
    assert Sample(online, plates=mixed).advice is Advice.GOOD
    said = {Advice.NO_PICTURE, Advice.DARK, Advice.EVEN, Advice.NO_PLATE, Advice.CUT, Advice.OUTSIDE}
    assert len(Advice) == len(said) + 9


def test_a_dark_or_even_picture_is_told(aiming: Aim) -> None:
    """A lens cap by night and by day, and a picture with something in it."""
    assert aiming.look(np.full((720, 1280, 3), 3, np.uint8)).advice is Advice.DARK
    assert aiming.look(np.full((720, 1280, 3), 200, np.uint8)).advice is Advice.EVEN
    slope = np.linspace(20, 220, 1280, dtype=np.uint8)
    assert aiming.look(np.repeat(slope[None, :, None], 720, 0).repeat(3, 2)).advice is Advice.NO_PLATE


@pytest.mark.parametrize("as_json", [True, False])
def test_the_output_holds_numbers_and_words_of_a_fixed_list_only(
    clip: tuple[Path, Truth], tmp_path: Path, *, as_json: bool
) -> None:
    """Plates pass that the reader reads; none of them, and no word beyond the list, is in the output."""
    path, truth = clip
    done = alpr_edge(
        "aim", "--config", str(tmp_path / "absent.toml"), "--source", str(path), *(["--json"] * as_json)
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert strange(done.stdout) == []
    assert not PROTECTION.sub("", done.stderr)
    assert not [one.plate for one in truth.passes if one.plate in done.stdout + done.stderr]
    assert strange(done.stdout + f"plate {truth.passes[0].plate}") == [truth.passes[0].plate], "the control"
    if as_json:
        samples = events(done)
        assert len(samples) >= ROAD.seconds - 1
        assert any(sample["advice"] == "good" for sample in samples)
        assert sum(bool(sample["plates"]) for sample in samples) >= 2


def test_the_plates_that_passed_could_have_been_read(clip: tuple[Path, Truth]) -> None:
    """The positive control: the reader, which `aim` never loads, reads them in the same clip."""
    reader, scene = PlateReader(load_models(ModelsSection()).reader), Scene(ROAD)
    largest = max(clip[1].boxes, key=lambda box: box.width)
    left, top = int(largest.x - 4), int(largest.y - 3)
    crop = scene.frame(largest.frame)[
        top : int(top + largest.height + 6), left : int(left + largest.width + 8)
    ]
    found = reader.predict(np.ascontiguousarray(crop))
    assert found is not None
    assert found.text == largest.plate


def test_it_reads_the_units_configuration_and_writes_nothing(
    clip: tuple[Path, Truth], tmp_path: Path
) -> None:
    """Its zones count; a reader that is not there is not missed; no file is made or changed; N samples are N."""
    department = Department(tmp_path)
    zones = "zones = { include = [[[0.0, 0.0], [0.01, 0.0], [0.0, 0.01]]] }"
    config = department.configure(
        f'source = {{ kind = "file", path = "{clip[0]}" }}\n{zones}', '[models]\nreader = "absent"\n'
    )
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    done = alpr_edge("aim", "--config", str(config), "--json", "--seconds", "3")
    assert done.returncode == 0, done.stderr
    assert len(events(done)) == 3
    assert {sample["advice"] for sample in events(done)} <= {"outside", "no-plate", "cut"}
    assert "outside" in {sample["advice"] for sample in events(done)}
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert alpr_edge("run", "--config", str(config)).returncode == Exit.MODEL, "the control: a run needs it"


def test_it_refuses_while_a_box_runs_that_wants_the_camera(clip: tuple[Path, Truth], tmp_path: Path) -> None:
    """A camera of the configuration is the running box's; a clip is nobody's."""
    config = str(Department(tmp_path).configure('source = { kind = "usb", device = 63 }'))
    with alone(tmp_path / "state"):
        refused = alpr_edge("aim", "--config", config, "--seconds", "1")
        beside = alpr_edge("aim", "--config", config, "--seconds", "1", "--source", str(clip[0]), "--json")
    assert refused.returncode == Exit.STORAGE
    assert "systemctl stop alpr-edge" in refused.stderr
    assert beside.returncode == 0, beside.stderr
    assert len(events(beside)) == 1


def test_no_picture_is_said_and_is_a_failure(tmp_path: Path) -> None:
    """A camera that is not there: told while it lasts, exit 4 at the end, and no address in any output."""
    absent = str(tmp_path / "absent.toml")
    done = alpr_edge(
        "aim", "--config", absent, "--source", "rtsp://127.0.0.1:9/c4n4ry", "--seconds", "4", "--json"
    )
    assert done.returncode == Exit.SOURCE
    assert {sample["advice"] for sample in events(done)} == {"no-picture"}
    assert strange(done.stdout) == []
    assert "c4n4ry" not in done.stdout + done.stderr
    assert "127.0.0.1" not in done.stdout + done.stderr


@needs_rtsp_server
def test_a_real_camera_is_looked_at_until_ctrl_c(tmp_path: Path) -> None:
    """A moving picture without a plate: online, once a second; Ctrl-C ends it at once, and its capture too."""
    server = Server()
    password = tmp_path / "camera.password"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    address = f"rtsp://{USER}@127.0.0.1:{server.port}/road"
    command = [sys.executable, "-m", "edge.cli", "aim", "--config", str(tmp_path / "absent.toml"), "--json"]
    command += ["--source", address, "--source-password-file", str(password)]
    try:
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as aim:
            lines = (json.loads(line) for line in aim.stdout or ())
            seen = next(line for line in lines if line["state"] == "online")
            children = Path(f"/proc/{aim.pid}/task/{aim.pid}/children").read_text().split()
            assert children
            os.kill(aim.pid, signal.SIGINT)
            list(lines)
    finally:
        server.kill()
    assert aim.returncode == 0
    assert seen["advice"] == "no-plate"
    assert not [child for child in children if Path(f"/proc/{child}").exists()]


def test_nothing_can_be_written_while_it_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel is asked to let it write to no folder and to listen on no port."""
    asked: list[tuple[Allowed, bool]] = []

    def harden(allowed: Allowed, *, unsafe_allow_swap: bool) -> None:
        asked.append((allowed, unsafe_allow_swap))

    monkeypatch.setattr(aim_run, "_harden", harden)
    monkeypatch.setattr(aim_run, "_look", lambda *_args, **_kw: None)
    target = target_of(Path("absent.toml"), "", "rtsp://127.0.0.1:8554/x", None)
    aim_run.aim_at(target, seconds=1, as_json=True)
    (allowed, swap) = asked[0]
    assert not allowed.folders
    assert not allowed.bind
    assert allowed.devices == (Path("/dev/null"),)
    assert allowed.connect == (53, 8554)
    assert swap is False


@pytest.mark.parametrize(
    ("choose", "words"),
    [
        (lambda config: target_of(config, "south", "", None), "no camera of this name"),
        (lambda config: target_of(config, "", "", config), "--source-password-file is for --source"),
        (lambda config: target_of(config.with_name("no.toml"), "", "", None), "cannot be read"),
        (lambda config: target_of(config, "", "rtsp://u:secret@h/x", None), "--source holds a password"),
    ],
)
def test_what_cannot_be_aimed_is_one_clear_error(
    choose: Callable[[Path], object], words: str, tmp_path: Path
) -> None:
    """An unknown camera, a password without a source, no configuration, a password in an argument."""
    config = Department(tmp_path).configure('source = { kind = "usb", device = 0 }')
    with pytest.raises(ConfigError) as caught:
        choose(config)
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_sample_is_told_in_words_and_for_machines() -> None:
    """The same numbers in both; the line tells the widest plate that counts."""
    sample = Sample(State.ONLINE, plates=[plate(300, in_zones=False), plate(100.4)])
    line = line_of(sample)
    assert line.startswith("online; 2 plates in view; width 100, ")
    assert line.endswith(Advice.GOOD)
    assert [seen["width"] for seen in body_of(sample)["plates"]] == [300, 100]
    assert "1 plate in view" in line_of(Sample(State.ONLINE, plates=[plate()]))
    assert line_of(Sample(State.OFFLINE)) == f"offline; 0 plates in view. {Advice.NO_PICTURE}"
