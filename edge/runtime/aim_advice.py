"""What to do about how plates are seen: one sentence of a fixed list, by the limits of `edge.vision.plate_view`."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from edge.capture.base import State
from edge.capture.blank import Shows
from edge.flow import CROP_WIDTH
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


class Advice(StrEnum):
    """Every sentence that `aim` can say; the name is the word for machines."""

    NO_PICTURE = "No picture comes: check the camera's address, password, cable and stream."
    DARK = "The picture is dark: take off the lens cap, or switch on infra-red light."
    EVEN = "The picture is one even colour: check the lens and the light."
    NO_PLATE = "No plate is in view: have a vehicle drive past, or turn the camera towards the lane."
    CUT = "Every plate is cut off by the picture's edge: turn the camera or widen its view."
    OUTSIDE = "Plates are in view, but outside the zones: turn the camera, or change the zones."
    NEARER = "The plate is too narrow to be read: zoom in, or put the camera nearer."
    INPUT = "The plate is too narrow for the detector: zoom in, or raise input_width."
    GLARE = "The plate is too bright: use a faster shutter, less infra-red light, or another angle."
    FAINT = "The plate is too dark or too faint: add infra-red light, or clean the lens."
    SHUTTER = "The plate is smeared by its motion: use a faster shutter, and more light."
    FOCUS = "The plate is not sharp: focus where plates are read, then try a faster shutter."
    TILT = "The plate is tilted: level the camera, or put it more in line with the lane."
    CLOSE = "The plate is read well, and is larger than is kept: the view can be wider."
    GOOD = "The plate can be read well."

    @property
    def word(self) -> str:
        """The advice in one word."""
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True, slots=True)
class SeenPlate:
    """One plate in one frame.

    Attributes:
        width: in pixels of the picture.
        in_network: its width in pixels of the detector's input.
        in_zones: whether it counts, by the configured zones.
        cut: whether the picture's edge cuts it off.
        view: what its crop looks like.
    """

    width: float
    in_network: float
    in_zones: bool
    cut: bool
    view: PlateView

    @property
    def counts(self) -> bool:
        """Whether the box would read it."""
        return self.in_zones and not self.cut


@dataclass(frozen=True, slots=True)
class Sample:
    """One second of aiming: the frame whose plates are best to judge by, in numbers and fixed words.

    Attributes:
        state: what the camera does.
        shows: what the picture shows.
        plates: the plates of that frame, widest first.
    """

    state: State
    shows: Shows = Shows.SOMETHING
    plates: Sequence[SeenPlate] = ()

    @property
    def widest(self) -> float:
        """Width of the widest plate that the box would read, pixels; 0 without one."""
        return max((plate.width for plate in self.plates if plate.counts), default=0.0)

    @property
    def advice(self) -> Advice:
        """What to do first."""
        if self.state not in {State.ONLINE, State.FROZEN, State.BLANK}:
            return Advice.NO_PICTURE
        if not self.plates:
            return {Shows.DARK: Advice.DARK, Shows.EVEN: Advice.EVEN}.get(self.shows, Advice.NO_PLATE)
        whole = [plate for plate in self.plates if not plate.cut]
        if not whole:
            return Advice.CUT
        counted = [plate for plate in whole if plate.in_zones]
        if not counted:
            return Advice.OUTSIDE
        return advice_for(max(counted, key=lambda plate: plate.width))


def advice_for(plate: SeenPlate) -> Advice:
    """Return what to do first about one plate that the box would read."""
    view = plate.view
    faults = (
        (plate.width < LEAST_WIDTH, Advice.NEARER),
        (plate.in_network < LEAST_IN_NETWORK, Advice.INPUT),
        (view.glare > MOST_GLARE, Advice.GLARE),
        (view.contrast < LEAST_CONTRAST, Advice.FAINT),
        (view.across < LEAST_ACROSS and view.down < LEAST_DOWN, Advice.FOCUS),
        (view.across < LEAST_ACROSS or view.down < LEAST_DOWN, Advice.SHUTTER),
        (abs(view.tilt) > MOST_TILT, Advice.TILT),
        (plate.width > CROP_WIDTH, Advice.CLOSE),
    )
    return next((advice for wrong, advice in faults if wrong), Advice.GOOD)
