import copy
import pickle
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from edge.errors import Unserialisable
from edge.flow import COLUMNS, SLOTS, Box, Detection, Fleeting, Frame, Reading

ROOT = Path(__file__).resolve().parents[1]
CANARY = 137
PIXELS = np.full((4, 4, 3), CANARY, np.uint8)
FLEETING = [
    Frame("north", 1, 2, datetime(2026, 1, 2, tzinfo=UTC), 3, PIXELS),
    Detection(Box(0, 0, 1, 1), 0.5),
    Reading(np.full((SLOTS, COLUMNS), CANARY, np.float32), {"GB": 0.5}, PIXELS, 1.0),
]


@pytest.mark.parametrize("thing", FLEETING, ids=lambda thing: type(thing).__name__)
def test_what_is_fleeting_cannot_be_serialised(thing: Fleeting) -> None:
    """Promise 1: pickling and deep copying are refused, alone and inside something else."""
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(Unserialisable):
            pickle.dumps(thing, protocol)
    for spread in (
        copy.copy,
        copy.deepcopy,
        lambda each: pickle.dumps([each]),
        lambda each: copy.deepcopy({1: each}),
    ):
        with pytest.raises(Unserialisable):
            spread(thing)


@pytest.mark.parametrize("thing", FLEETING, ids=lambda thing: type(thing).__name__)
def test_what_is_fleeting_hides_what_it_holds(thing: Fleeting) -> None:
    """No pixel, table or region stands in a repr, so none reaches a log or a traceback."""
    assert str(CANARY) in repr(PIXELS), "the positive control"
    assert str(CANARY) not in repr(thing)
    assert "GB" not in repr(thing)


@pytest.mark.parametrize(
    "line",
    [
        "import cv2\ncv2.imwrite('x.png', None)",
        "from cv2 import imwrite",
        "import cv2\ncv2.imencode('.png', None)",
        "import cv2\ncv2.VideoWriter('x', 0, 1, (1, 1))",
        "import pickle",
        "print('x')",
    ],
)
def test_what_could_leak_does_not_pass_the_lint(line: str, tmp_path: Path) -> None:
    """`cv2.imwrite` and its like write files that no audit sees: they are banned by name in the product."""
    ruff = [sys.executable, "-m", "ruff", "check", "--config", str(ROOT / "pyproject.toml"), "--no-cache"]
    for text, good in ((f'"""Text."""\n\n{line}\n', False), ('"""Text."""\n', True)):
        path = tmp_path / "module.py"
        path.write_text(text)
        done = subprocess.run([*ruff, "--select", "TID251,T201", str(path)], capture_output=True, check=False)
        assert (done.returncode == 0) is good


def test_the_product_uses_no_exception_from_the_bans_but_the_crop_encoder() -> None:
    """The one ban that is lifted in the product is `cv2.imencode`, once, in edge/vision/crop.py."""
    lifted = [
        (path.name, line.strip())
        for package in ("hitonly_core", "protocol", "edge", "hotlist", "api")
        for path in (ROOT / package).rglob("*.py")
        for line in path.read_text().splitlines()
        if "TID251" in line
    ]
    assert [name for name, _ in lifted] == ["crop.py"]
    assert "imencode" in lifted[0][1]


def test_overlap_is_a_share() -> None:
    """Intersection over union: 1 for the same box, 0 for boxes apart, a third for half over half."""
    box = Box(0, 0, 10, 10)
    assert box.overlap(box) == 1
    assert box.overlap(Box(20, 20, 30, 30)) == 0
    assert box.overlap(Box(5, 0, 15, 10)) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("box", "cut"),
    [
        ((0, 300, 90, 340), True),
        ((3, 300, 90, 340), True),
        ((1190, 300, 1280, 340), True),
        ((600, 0, 690, 40), True),
        ((600, 690, 690, 720), True),
        ((600, 300, 690, 340), False),
        ((12, 300, 90, 340), False),
        ((0, 300, 1280, 340), False),
        ((0, 0, 1280, 720), False),
        ((0, 0, 90, 40), True),
    ],
)
def test_a_plate_on_one_side_of_the_picture_is_cut_off(box: tuple[int, int, int, int], *, cut: bool) -> None:
    """What touches two opposite sides fills the picture: it was cropped to its plate."""
    assert Box(*map(float, box)).cut_by(1280, 720) is cut
