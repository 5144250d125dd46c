"""The gate before the detector: does anything move that could carry a plate?

The picture is thinned to a small grey one and compared with a background. The difference is averaged over
blocks of about 32 x 32 pixels of a 720p picture, and a block differs where it does so clearly more than the
middle one of all blocks: noise and a change of light raise all of them alike. Four blocks together are motion;
fewer may be rain. Where a block differs, the
background learns nothing until the block has been quiet for a good while: then what stopped there, or left
there, is background.

What must not happen is that a plate passes unseen, so every doubt opens the gate: it stays open for a while
after the last motion, takes nothing for a change of light for longer than a moment, and opens every few
seconds whatever it sees.
"""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from edge.clock import NS
from edge.flow import Pixels
from edge.zones import Polygon, Zones

_WIDTH: Final = 320
"""The small picture is at least about this wide; a plate that the detector can find is over 8 of it."""
_DETECTOR_WIDTH: Final = 384
"""For this width of the detector's input; a wider one finds smaller plates."""
_BLOCK: Final = 8
"""Side of a block in the small picture."""
_CLUSTER: Final = 2
"""So many blocks wide and high is motion: a vehicle whose plate can be read is larger, a drop of rain smaller."""
_MARGIN: Final = 4
"""Grey levels by which a moving block differs more than the middle one."""
_RATIO: Final = 2.5
"""And this many times as much: light and noise do not fall evenly."""
_LIGHT: Final = 12
"""When even the middle block differs by this, it is the light."""
_LIGHT_NS: Final = NS
"""But not for longer than this."""
_HOLD_NS: Final = 3 * NS // 2
"""Open for this long after the last motion: a vehicle that has just stopped is still read."""
_FORCED_NS: Final = 3 * NS
"""Open at least this often."""
_LEARN_S: Final = 4.0
"""Time in which the background follows slow changes."""
_RECENT_S: Final = 1.0
"""Time in which the picture of a moment ago follows: what differs from that one moves now."""
_ABSORB_NS: Final = 5 * NS
"""What has not moved for this long is background."""


class MotionGate:
    """Tells which frames are worth the detector; for one camera, frames in order.

    Its buffers hold image content: they are made once for a picture size, reused, and emptied by `wipe`.

    Args:
        zones: motion that cannot belong to a plate in these is ignored.
        detector_width: of the detector's input, pixels; decides how small a vehicle matters.
    """

    def __init__(self, zones: Zones | None = None, *, detector_width: int = _DETECTOR_WIDTH) -> None:
        self._zones = zones or Zones()
        self._width = max(_WIDTH, _WIDTH * detector_width // _DETECTOR_WIDTH)
        self._shape: tuple[int, ...] = ()
        self._seeded = False
        self._last_ns = 0
        self._moved_ns = 0
        self._open_ns = 0
        self._light_since_ns: int | None = None

    def moving(self, pixels: Pixels, stream_ns: int) -> bool:
        """Return whether something may have moved into this frame.

        Args:
            pixels: H x W x 3 uint8 BGR.
            stream_ns: the frame's stream time.
        """
        if pixels.shape != self._shape:
            self._prepare(pixels.shape)
        np.copyto(self._grey, pixels[self._thin])
        if not self._seeded:
            self._seed(stream_ns)
            self._moved_ns = stream_ns
        elif self._moves(stream_ns):
            self._moved_ns = stream_ns
        self._last_ns = stream_ns
        if stream_ns - self._moved_ns <= _HOLD_NS or stream_ns - self._open_ns >= _FORCED_NS:
            self._open_ns = stream_ns
            return True
        return False

    def wipe(self) -> None:
        """Overwrite what is remembered of earlier frames; the next one is let through and learned anew."""
        if self._shape:
            for buffer in (self._grey, self._background, self._recent, self._known, self._difference):
                buffer.fill(0)
            self._blocks.fill(0)
            self._clusters.fill(0)
        self._seeded = False

    def _prepare(self, shape: tuple[int, ...]) -> None:
        """Make the buffers for pictures of this shape."""
        self.wipe()
        step = max(1, shape[1] // self._width)
        rows, columns = (max(1, -(-size // step) // _BLOCK) for size in shape[:2])
        height, width = min(rows * _BLOCK, -(-shape[0] // step)), min(columns * _BLOCK, -(-shape[1] // step))
        # Green carries most of the brightness, and takes no conversion.
        self._thin = (slice(0, height * step, step), slice(0, width * step, step), 1)
        self._grey: Pixels = np.zeros((height, width), np.uint8)
        self._background: npt.NDArray[np.float32] = np.zeros((height, width), np.float32)
        self._recent: npt.NDArray[np.float32] = np.zeros((height, width), np.float32)
        self._known: Pixels = np.zeros((height, width), np.uint8)
        self._difference: Pixels = np.zeros((height, width), np.uint8)
        self._blocks: Pixels = np.zeros((rows, columns), np.uint8)
        self._clusters: Pixels = np.zeros((rows, columns), np.uint8)
        self._kernel: Pixels = np.ones((min(_CLUSTER, rows), min(_CLUSTER, columns)), np.uint8)
        self._mask: Pixels = np.zeros((height, width), np.uint8)
        self._restless_ns: npt.NDArray[np.int64] = np.zeros((rows, columns), np.int64)
        self._watched = _watched_blocks(self._zones, (height, width), (rows, columns))
        self._shape = shape

    def _moves(self, stream_ns: int) -> bool:
        """Compare the small picture with the background, and let the background learn."""
        limit, _ = self._compare(self._recent)
        self._restless_ns[self._blocks > limit] = stream_ns
        limit, middle = self._compare(self._background)
        if middle < _LIGHT:
            self._light_since_ns = None
        elif self._is_light(stream_ns):
            self._seed(stream_ns)
            return False
        self._learn(self._blocks > limit, stream_ns)
        cv2.erode(
            self._blocks, self._kernel, self._clusters, borderType=cv2.BORDER_CONSTANT, borderValue=(0,)
        )
        return middle >= _LIGHT or bool(((self._clusters > limit) & self._watched).any())

    def _compare(self, other: npt.NDArray[np.float32]) -> tuple[float, int]:
        """Fill `_blocks` with how much each differs from another picture's; return from where that counts.

        Returns:
            The difference above which a block differs, and the middle block's difference.
        """
        cv2.convertScaleAbs(other, dst=self._known)
        cv2.absdiff(self._grey, self._known, dst=self._difference)
        rows, columns = self._blocks.shape
        cv2.resize(self._difference, (columns, rows), dst=self._blocks, interpolation=cv2.INTER_AREA)
        middle = int(np.partition(self._blocks, self._blocks.size // 2, axis=None)[self._blocks.size // 2])
        return max(middle + _MARGIN, _RATIO * middle), middle

    def _is_light(self, stream_ns: int) -> bool:
        """Whether a change of the whole picture is still young enough to be taken for one of light."""
        if self._light_since_ns is None:
            self._light_since_ns = stream_ns
        return stream_ns - self._light_since_ns < _LIGHT_NS

    def _learn(self, differing: npt.NDArray[np.bool_], stream_ns: int) -> None:
        """Move the background towards the picture, where nothing stands out or what does has come to rest."""
        seconds = min(max(stream_ns - self._last_ns, 0), NS) / NS
        cv2.accumulateWeighted(self._grey, self._recent, seconds / _RECENT_S)
        cv2.accumulateWeighted(
            self._grey, self._background, min(1.0, seconds / _LEARN_S), mask=self._spread(~differing)
        )
        resting = differing & (stream_ns - self._restless_ns > _ABSORB_NS)
        if resting.any():
            np.copyto(self._background, self._grey, where=self._spread(resting).view(np.bool_))

    def _spread(self, blocks: npt.NDArray[np.bool_]) -> Pixels:
        """Return a mask over the small picture that is 1 in these blocks."""
        size = self._mask.shape[1], self._mask.shape[0]
        cv2.resize(blocks.view(np.uint8), size, dst=self._mask, interpolation=cv2.INTER_NEAREST)
        return self._mask

    def _seed(self, stream_ns: int) -> None:
        """Take the picture as it is for the background."""
        np.copyto(self._background, self._grey)
        np.copyto(self._recent, self._grey)
        self._restless_ns.fill(stream_ns)
        self._seeded = True


def _watched_blocks(zones: Zones, shape: tuple[int, int], blocks: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Return which blocks can show a vehicle whose plate counts."""
    included = _filled(zones.include, shape) if zones.include else np.ones(shape, np.uint8)
    excluded = _filled(zones.exclude, shape)
    counts = (included * (1 - excluded)).astype(np.float32)
    share = cv2.resize(counts, (blocks[1], blocks[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(share > 0, np.bool_)


def _filled(polygons: Sequence[Polygon], shape: tuple[int, int]) -> Pixels:
    """Return a picture that is 1 inside the polygons."""
    height, width = shape
    picture: Pixels = np.zeros(shape, np.uint8)
    for polygon in polygons:
        points = np.rint(np.array(polygon) * (width, height)).astype(np.int32)
        cv2.fillPoly(picture, [points], 1)
    return picture
