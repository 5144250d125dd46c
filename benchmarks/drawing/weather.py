"""Light and weather: what they do to paint, to plates, and to the finished picture."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.drawing.camera import Layer, Picture, clipped


class Weather(StrEnum):
    """What the sky does."""

    CLEAR = "clear"
    RAIN = "rain"
    NIGHT = "night"
    FOG = "fog"
    GLARE = "glare"


@dataclass(frozen=True, slots=True)
class Light:
    """How a weather lights the scene.

    Attributes:
        ambient: what is left of each colour (blue, green, red) of painted things.
        retro: what is left of a plate's brightness; its sheeting sends the camera's own lamp back.
        lamps: radius of a headlamp's glow, metres; 0 when they are off.
        wet: whether the road mirrors lamps.
        shadow: brightness of the road in shadow, 0 to 255.
        shadow_lean: how far a shadow falls to the side, metres.
        fog: share of the light lost to haze per metre.
        veil: the haze's colour.
        noise: standard deviation of the sensor's noise, grey levels.
        shutter: exposure time, seconds.
    """

    ambient: tuple[float, float, float] = (1.0, 1.0, 1.0)
    retro: float = 1.0
    lamps: float = 0.0
    wet: bool = False
    shadow: int = 95
    shadow_lean: float = 0.5
    fog: float = 0.0
    veil: tuple[int, int, int] = (205, 203, 200)
    noise: float = 2.0
    shutter: float = 0.002

    def lit(self, picture: Picture) -> Picture:
        """Return a painted thing as this light shows it."""
        return clipped(picture * np.array(self.ambient, np.float32))

    def shade(self, colour: tuple[int, int, int]) -> tuple[int, int, int]:
        """Return one colour as this light shows it."""
        blue, green, red = (round(part * gain) for part, gain in zip(colour, self.ambient, strict=True))
        return blue, green, red

    def returned(self, plate: Picture) -> Picture:
        """Return a plate as this light shows it."""
        return clipped(plate * np.float32(self.retro))

    def clarity(self, metres: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the share of light that comes through the haze from a distance."""
        return np.exp(-self.fog * np.asarray(metres, np.float64))

    def haze(self, layer: Layer, metres: float) -> None:
        """Veil a layer at a distance, in place."""
        if not self.fog:
            return
        clear = float(self.clarity(metres))
        alpha = layer[..., 3:].astype(np.float32) / 255
        colour = layer[..., :3] * clear + alpha * np.array(self.veil, np.float32) * (1 - clear)
        layer[..., :3] = colour.astype(np.uint8)


LIGHTS: Final = {
    Weather.CLEAR: Light(),
    Weather.RAIN: Light(
        (0.66, 0.62, 0.58), 0.74, 0.30, wet=True, shadow=190, fog=0.006, noise=3.0, shutter=0.004
    ),
    Weather.NIGHT: Light((0.20, 0.16, 0.14), 0.80, 0.85, shadow=150, noise=4.5, shutter=0.005),
    Weather.FOG: Light(
        (0.88, 0.88, 0.88), 0.9, 0.30, shadow=200, shadow_lean=0.0, fog=0.035, noise=2.5, shutter=0.003
    ),
    Weather.GLARE: Light(
        (0.80, 0.86, 0.92), 0.82, 0.0, shadow=70, shadow_lean=-0.7, noise=2.0, shutter=0.0015
    ),
}


@dataclass(slots=True)
class Air:
    """Rain, the sun in the lens, and the sensor's noise: what lies between the scene and the file."""

    weather: Weather
    width: int
    height: int
    seed: int
    _noise: npt.NDArray[np.int16] = field(init=False, repr=False)
    _streaks: list[Picture] = field(init=False, repr=False)
    _sun: Picture = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng([self.seed, 7])
        size = (self.height + 64, self.width + 64, 1)
        deviation = LIGHTS[self.weather].noise
        self._noise = np.round(rng.standard_normal(size, np.float32) * deviation).astype(np.int16)
        self._streaks = [self._rain(rng) for _ in range(5)] if self.weather is Weather.RAIN else []
        if self.weather is Weather.GLARE:
            self._sun = self._flare()

    def apply(self, frame: Picture, number: int) -> Picture:
        """Return a frame as the sensor would give it; the same number gives the same frame."""
        rng = np.random.default_rng([self.seed, 11, number])
        if self._streaks:
            layer = self._streaks[int(rng.integers(len(self._streaks)))]
            frame = clipped(cv2.add(frame, np.roll(layer, int(rng.integers(self.width)), axis=1)))
        if self.weather is Weather.GLARE:
            frame = clipped(cv2.add(frame, self._sun))
        down, right = rng.integers(64, size=2)
        grain = self._noise[down : down + self.height, right : right + self.width]
        return clipped(frame + grain)

    def _rain(self, rng: np.random.Generator) -> Picture:
        """Draw falling drops as short slanted streaks, near ones longer."""
        layer = np.zeros((self.height, self.width), np.uint8)
        for _ in range(self.width // 3):
            x, y = int(rng.integers(self.width)), int(rng.integers(-40, self.height))
            length = int(rng.integers(10, 46))
            cv2.line(layer, (x, y), (x - length // 7, y + length), int(rng.integers(18, 60)), 1, cv2.LINE_AA)
        return clipped(cv2.merge([cv2.GaussianBlur(layer, (3, 3), 0)] * 3))

    def _flare(self) -> Picture:
        """Draw a low sun at the upper left: a burnt-out core, a veil, and ghosts along a line."""
        rows, columns = np.mgrid[0 : self.height, 0 : self.width]
        y, x = rows.astype(np.float32), columns.astype(np.float32)
        sun_x, sun_y, reach = self.width * 0.22, self.height * 0.04, self.width * 0.5
        distance = np.hypot(x - sun_x, y - sun_y) / reach
        veil = 255 * np.exp(-distance * 7) + 70 * np.exp(-distance * 1.6)
        for at, size, strength in ((0.45, 0.05, 26.0), (0.7, 0.09, 18.0), (1.15, 0.04, 30.0)):
            ghost = np.hypot(x - sun_x - at * self.width * 0.5, y - sun_y - at * self.height * 0.6)
            veil += strength * (ghost < size * self.width)
        return clipped(veil[..., None] * np.array((0.78, 0.92, 1.0), np.float32))
