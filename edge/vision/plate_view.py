"""How well a plate is seen: numbers about a crop, none of which tells a character, and the limits they must keep.

The limits are the one home of these numbers: `alpr-edge aim` judges by them and docs/cameras.md names them. They
come from docs/results/aim.json (`python -m benchmarks.accuracy.aim_limits`), which reads drawn plates with the
bundled reader, one fault at a time; `tests/test_aim_limits.py` holds them against that file.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from edge.flow import Pixels

Grey = npt.NDArray[np.uint8]

LEAST_WIDTH: Final = 54
"""Pixels of the picture; a narrower plate is often misread."""
LEAST_IN_NETWORK: Final = 20
"""Pixels of the detector's input; a narrower plate is often not found (docs/results/detector-eval.json)."""
LEAST_ACROSS: Final = 20
"""`PlateView.across` below this is often misread."""
LEAST_DOWN: Final = 17
"""`PlateView.down` below this is often misread."""
LEAST_CONTRAST: Final = 13
"""`PlateView.contrast` below this is often misread."""
MOST_GLARE: Final = 0.82
"""`PlateView.glare` above this is often misread."""
MOST_TILT: Final = 12
"""`PlateView.tilt` beyond this on either side is often misread."""

_FULL_WHITE: Final = 250
_HEIGHT: Final = 32
"""Crops are judged at this height, in pixels, so that near and far plates compare."""
_NOISE: Final = 4
"""Levels; added to the contrast so that noise on an even crop is not called sharp."""
_ANGLES: Final = np.arange(-30, 31, 2)


@dataclass(frozen=True, slots=True)
class PlateView:
    """How one plate is seen in one frame.

    Attributes:
        across: steepness of edges along a row, in percent of the contrast a pixel at a height of 32: what a vehicle
            that crosses the picture loses by a slow shutter.
        down: the same along a column: what a vehicle that comes near loses.
        brightness: mean level of the crop, 0 to 255.
        contrast: levels between its darkest and its lightest twentieth, 0 to 255.
        glare: share of its pixels at full white, 0 to 1.
        tilt: degrees by which its lines are turned, clockwise positive.
    """

    across: float
    down: float
    brightness: float
    contrast: float
    glare: float
    tilt: float

    @property
    def sharpness(self) -> float:
        """The lesser of `across` and `down`."""
        return min(self.across, self.down)


def view_of(crop: Pixels) -> PlateView:
    """Measure a crop; what is made of it on the way is overwritten.

    Args:
        crop: h x w x 3 uint8 BGR, a plate with a little margin.
    """
    grey = np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), np.uint8)
    width = max(16, round(grey.shape[1] * _HEIGHT / grey.shape[0]))
    small = np.asarray(cv2.resize(grey, (width, _HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)
    dark, light = np.percentile(small, (5, 95))
    inner = small[3:-3, width // 10 : width - width // 10].astype(np.int16)
    steps = [np.percentile(np.abs(np.diff(inner, axis=axis)), 95) for axis in (1, 0)]
    whole = light - dark + _NOISE
    view = PlateView(
        across=float(100 * steps[0] / whole),
        down=float(100 * steps[1] / whole),
        brightness=float(small.mean()),
        contrast=float(light - dark),
        glare=float((grey >= _FULL_WHITE).mean()),
        tilt=_tilt(small),
    )
    for made in (grey, small, inner):
        made.fill(0)
    return view


def _tilt(small: Grey) -> float:
    """Return by how many degrees the lines of a crop are turned.

    Turned back by the right angle, the plate's edges and the feet and heads of its characters lie in rows, so that
    the mean of a row differs most from that of the next.
    """
    height, width = small.shape
    centre = width / 2, height / 2
    clear = []
    for angle in _ANGLES:
        turn = cv2.getRotationMatrix2D(centre, float(angle), 1.0)
        turned = cv2.warpAffine(small, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
        inner = turned[3:-3, width // 8 : width - width // 8]
        clear.append(float(np.square(np.diff(inner.mean(axis=1))).sum()))
        turned.fill(0)
    return float(_ANGLES[int(np.argmax(clear))])
