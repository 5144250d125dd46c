"""Whether a network camera's stream lets its decoder forget within the window: what ``check`` says of it."""

import threading
from collections.abc import Iterator
from typing import Final

from edge.capture import Source
from edge.capture.live import LiveCamera
from edge.capture.settings import RtspSettings, SourceSettings
from edge.errors import SourceError
from edge.flow import Frame
from edge.runtime.watching import decoded_in_full, longest_apart_s

PATIENCE_S: Final = 10.0
"""How long two key pictures are waited for."""
_USUAL_S: Final = 2.5
"""What a camera set to a key picture every two seconds comes to; a shorter window cannot ask for less."""
_SET: Final = "set the camera's key picture interval (also called GOP or I-frame interval) to 1 or 2 seconds"
_HINT: Final = f"{_SET[0].upper()}{_SET[1:]}."


def pictures_kept(settings: SourceSettings, source: Source, frames: Iterator[Frame], window_s: float) -> str:
    """Read a network camera until its decoder has been made anew; say for how long it kept pictures.

    Args:
        settings: of the source.
        source: being read; closed if it takes too long.
        frames: of the source.
        window_s: the retention window.

    Returns:
        Words for the operator, with the way in which a quiet road is watched; none for what is no network camera.

    Raises:
        SourceError: it keeps pictures for longer than the window, because its key pictures are too far apart.
    """
    if not isinstance(settings, RtspSettings) or not isinstance(source, LiveCamera):
        return ""
    patience = threading.Timer(PATIENCE_S, source.close)
    patience.start()
    while not source.kept_s and next(frames, None) is not None:
        pass
    patience.cancel()
    kept = f"{source.kept_s:.1f} s" if source.kept_s else f"over {PATIENCE_S:g} s"
    if (source.kept_s or PATIENCE_S) > max(window_s, _USUAL_S):
        raise SourceError(
            f"the decoder keeps pictures for {kept}, until the next key picture; the window is {window_s:g} s",
            hint=_HINT,
        )
    return f", decoded pictures kept for {kept}; {_way(settings, source.kept_s, window_s)}"


def _way(settings: RtspSettings, apart_s: float, window_s: float) -> str:
    """Say whether a quiet road is watched by its key pictures alone, and else what to set."""
    if why := decoded_in_full(settings, window_s):
        return f"every picture is decoded: {why}"
    if not 0 < apart_s <= longest_apart_s(settings):
        return f"every picture is decoded, key pictures are too far apart: {_SET}"
    return "while nothing moves only its key pictures are decoded: a vehicle must be in view for longer than that"
