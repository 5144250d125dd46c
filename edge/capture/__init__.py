"""Where frames come from: clips, pictures, network and USB cameras, each captured by a process of its own."""

from edge.capture.authority import check_authority
from edge.capture.base import Source
from edge.capture.files import open_pictures, open_video
from edge.capture.live import LiveCamera, renewal_for
from edge.capture.settings import FileSettings, PicturesSettings, RtspSettings, SourceSettings
from hitonly_core.clock import Clock, SystemClock
from hitonly_core.policy import WINDOW_CEILING

__all__ = ["Source", "open_source"]


def open_source(
    settings: SourceSettings,
    *,
    clock: Clock | None = None,
    forget_within_s: float = WINDOW_CEILING.total_seconds(),
    every_ns: int = 0,
) -> Source:
    """Open a source.

    Args:
        settings: what to open.
        clock: what frames are stamped with; the machine's own if None.
        forget_within_s: the retention window; nothing of a network camera's frame, not even compressed, stays in
            its capture process for longer, or than 21 s, whichever is more. A file's may, while it is read.
        every_ns: a frame of a clip or a camera is wanted about this often, in the stream's time; 0 for all.

    Raises:
        SourceError: a file, a picture or a camera's `authority` cannot be read. Cameras do not raise: they go
            offline and try again.
    """
    clock = clock or SystemClock()
    if isinstance(settings, FileSettings):
        return open_video(settings, clock, every_ns=every_ns)
    if isinstance(settings, PicturesSettings):
        return open_pictures(settings, clock)
    if isinstance(settings, RtspSettings) and settings.authority:
        check_authority(settings.authority)
    return LiveCamera(settings, clock, renew_after_s=renewal_for(forget_within_s), every_ns=every_ns)
