"""A pinhole camera above a straight road, and the pasting of flat patches as it sees them.

World: metres; X to the right, Y up from the ground, Z along the road away from the camera.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
"""H x W x 3 uint8, BGR."""
Layer = npt.NDArray[np.uint8]
"""H x W x 4 uint8, BGRA, colours multiplied by alpha."""
Points = npt.NDArray[np.float64]
"""N x 2, pixels."""
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Camera:
    """Where the camera hangs and what it sees.

    Attributes:
        width: of the picture, pixels.
        height: of the picture, pixels.
        mount: metres above the ground.
        pitch: radians downwards.
        lens: focal length as a multiple of the picture's width.
    """

    width: int
    height: int
    mount: float = 2.9
    pitch: float = 0.115
    lens: float = 1.75

    @property
    def focal(self) -> float:
        """Focal length in pixels."""
        return self.lens * self.width

    def project(self, points: npt.ArrayLike) -> Points:
        """Return the pixels (N x 2) of points (N x 3, metres).

        A point nearer than a metre is taken as a metre away: it lies below the picture in either case.
        """
        x, y, z = np.asarray(points, dtype=np.float64).T
        y, z = y - self.mount, np.maximum(z, 1.0)
        depth = z * np.cos(self.pitch) - y * np.sin(self.pitch)
        down = -y * np.cos(self.pitch) - z * np.sin(self.pitch)
        scale = self.focal / depth
        return np.stack([self.width / 2 + x * scale, self.height / 2 + down * scale], axis=1)

    def ground(self, columns: Floats, rows: Floats) -> tuple[Floats, Floats]:
        """Return X and Z (metres) of the ground seen at pixels; infinite at and above the horizon."""
        down = (rows - np.float32(self.height / 2)) / np.float32(self.focal)
        right = (columns - np.float32(self.width / 2)) / np.float32(self.focal)
        sine, cosine = np.float32(np.sin(self.pitch)), np.float32(np.cos(self.pitch))
        fall = down * cosine + sine
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where(fall > 0, np.float32(self.mount) / fall, np.float32(np.inf))
            return right * reach, reach * (cosine - down * sine)


def clipped(values: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """Return values as uint8, what is out of range at the range's end."""
    kept: npt.NDArray[np.uint8] = np.clip(np.asarray(values), 0, 255).astype(np.uint8)
    return kept


def premultiply(picture: Picture, alpha: npt.NDArray[np.uint8]) -> Layer:
    """Return a layer of a picture and its alpha, with a transparent rim for smooth edges."""
    alpha = alpha.copy()
    alpha[[0, -1], :] = 0
    alpha[:, [0, -1]] = 0
    colour = cv2.multiply(picture, cv2.merge([alpha] * 3), scale=1 / 255)
    return np.dstack([colour, alpha])


def over(below: npt.NDArray[np.uint8], layer: Layer) -> None:
    """Put a layer on a picture (3 channels) or on another layer (4), in place."""
    channels = below.shape[2]
    clear = cv2.merge([255 - layer[..., 3]] * channels)
    kept = cv2.multiply(below, clear, scale=1 / 255)
    cv2.add(kept, np.ascontiguousarray(layer[..., :channels]), dst=below)


@dataclass(frozen=True, slots=True)
class Patch:
    """A flat piece of the world with a picture on it, at several sizes so that far ones do not shimmer."""

    levels: tuple[Layer, ...]

    @classmethod
    def of(cls, layer: Layer) -> "Patch":
        """Build the smaller sizes, each half the one before."""
        levels = [layer]
        while min(levels[-1].shape[:2]) >= 16 and len(levels) < 6:
            height, width = levels[-1].shape[:2]
            half = cv2.resize(levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
            levels.append(half.astype(np.uint8, copy=False))
        return cls(tuple(levels))

    def paste(self, target: npt.NDArray[np.uint8], corners: Points) -> None:
        """Draw onto `target`, in place: corners (4 x 2 pixels) clockwise from the top left."""
        height, width = target.shape[:2]
        left, top = np.floor(corners.min(axis=0)).astype(int) - 1
        right, bottom = np.ceil(corners.max(axis=0)).astype(int) + 2
        left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
        if right - left < 2 or bottom - top < 2:
            return
        wanted = max(np.linalg.norm(corners[1] - corners[0]), np.linalg.norm(corners[2] - corners[3]), 1.0)
        level = self.levels[0]
        for smaller in self.levels[1:]:
            if smaller.shape[1] < wanted:
                break
            level = smaller
        rows, columns = level.shape[:2]
        source = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32) - 0.5
        where = (corners - (left, top)).astype(np.float32)
        matrix = cv2.getPerspectiveTransform(source, where)
        warped = cv2.warpPerspective(level, matrix, (right - left, bottom - top), flags=cv2.INTER_LINEAR)
        over(target[top:bottom, left:right], warped.astype(np.uint8, copy=False))
