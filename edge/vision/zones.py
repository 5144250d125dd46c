"""Where plates count: polygons over the picture, tested by a box's centre."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.flow import Box

Polygon = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Zones:
    """Include and exclude polygons; points are (x, y), each 0 to 1 of the picture's width and height."""

    include: tuple[Polygon, ...] = ()
    exclude: tuple[Polygon, ...] = ()

    def allow(self, box: Box, width: int, height: int) -> bool:
        """Whether a box in a picture of this size counts: inside an include, if any, and in no exclude."""
        x, y = box.centre
        point = (x / width, y / height)
        if self.include and not any(_inside(point, polygon) for polygon in self.include):
            return False
        return not any(_inside(point, polygon) for polygon in self.exclude)


def _inside(point: tuple[float, float], polygon: Polygon) -> bool:
    """Whether a ray from the point to the right crosses the polygon's edge an odd number of times."""
    x, y = point
    inside = False
    for (x1, y1), (x2, y2) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside
