"""Whether a camera's quiet road may be watched by its key pictures alone: the one place where that is decided.

Whether the stream itself allows it is seen while it is read (`edge.capture.key_pictures`).
"""

from typing import Final

from edge.capture.settings import RtspSettings, SourceSettings
from edge.capture.wire import Watch
from edge.config import CameraSection, EdgeConfig
from edge.vision.motion import life_within
from hitonly_core.clock import NS

SHORTEST_WINDOW_S: Final = 10.0
"""In a shorter window every picture of a camera is decoded: there is no time for packets to wait."""
SLACK_S: Final = 0.2
"""Cameras do not send a key picture to the millisecond."""
_PICTURES: Final = 3
"""A camera that is called silent or frozen sooner than after so many key pictures is given all of its pictures."""


def decoded_in_full(settings: RtspSettings, window_s: float) -> str:
    """Return why every picture of a network camera is decoded, or nothing."""
    if not settings.key_pictures_s:
        return "key_pictures_s is 0"
    if window_s < SHORTEST_WINDOW_S:
        return f"the window is under {SHORTEST_WINDOW_S:g} s"
    if min(settings.restart_after_s, settings.frozen_after_s) < _PICTURES * settings.key_pictures_s:
        return f"restart_after_s or frozen_after_s is under {_PICTURES} x key_pictures_s"
    return ""


def longest_apart_s(settings: RtspSettings) -> float:
    """Return how far apart a camera's key pictures may be, seconds."""
    return settings.key_pictures_s + SLACK_S


def watch_of(section: CameraSection, config: EdgeConfig) -> Watch | None:
    """Return how a camera's quiet road is watched; None where every picture is decoded, as of what is no camera."""
    source: SourceSettings = section.source
    window_s = config.retention.window_seconds
    if not isinstance(source, RtspSettings) or not section.motion or decoded_in_full(source, window_s):
        return None
    return watch_within(section, config, apart_s=longest_apart_s(source))


def watch_within(section: CameraSection, config: EdgeConfig, *, apart_s: float) -> Watch:
    """Return how a road is watched where key pictures may be so far apart."""
    window_ns = round(config.retention.window_seconds * NS)
    return Watch(
        apart_ns=round(apart_s * NS),
        life_ns=life_within(window_ns),
        hang_ns=window_ns // 3,
        detector_width=section.input_width or config.models.input_width,
        include=section.zones.include,
        exclude=section.zones.exclude,
    )
