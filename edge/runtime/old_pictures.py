"""Whether a network camera's stream lets its decoder forget within the window: what ``check`` says of it."""

import threading
from collections.abc import Iterator
from typing import Final

from edge.capture import Source
from edge.capture.live import LiveCamera
from edge.capture.settings import RtspSettings, SourceSettings
from edge.errors import SourceError
from edge.flow import Frame

PATIENCE_S: Final = 10.0
"""How long two key pictures are waited for."""
_USUAL_S: Final = 2.5
"""What a camera set to a key picture every two seconds comes to; a shorter window cannot ask for less."""
_HINT: Final = (
    "Set the camera's key picture interval (also called GOP or I-frame interval) to 1 or 2 seconds."
)


def pictures_kept(settings: SourceSettings, source: Source, frames: Iterator[Frame], window_s: float) -> str:
    """Read a network camera until its decoder has been made anew; say for how long it kept pictures.

    Args:
        settings: of the source.
        source: being read; closed if it takes too long.
        frames: of the source.
        window_s: the retention window.

    Returns:
        Words for the operator; none for what is no network camera.

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
    return f", decoded pictures kept for {kept}"
