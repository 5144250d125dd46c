"""Video files and pictures: every frame, in order; a clear error where one cannot be read."""

import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from edge.capture.base import State
from edge.capture.faults import clip_error, picture_error
from edge.capture.session import Session
from edge.capture.settings import PICTURE_SUFFIXES, FileSettings, PicturesSettings
from edge.capture.sight import EVEN, Sight
from edge.capture.wire import Fault, Request, Say
from edge.errors import SourceError
from edge.flow import Frame
from hitonly_core.clock import NS, Clock

PATIENCE_S: Final = 60.0
"""A local file that gives no frame for this long is given up."""
_NEVER: Final = sys.maxsize
"""Pictures of a folder are scenes of their own: no verdict before the end."""
_OTHER_PICTURES: Final = frozenset(
    (
        ".heic",
        ".heif",
        ".avif",
        ".jxl",
        ".jp2",
        ".gif",
        ".dng",
        ".mp4",
        ".mov",
        ".avi",
        ".mkv",
        ".webm",
        ".ts",
    )
)
"""Endings of pictures and clips that a folder of pictures is not read for."""
_FIRST_NS: Final = 60 * NS
"""A clip's first verdict takes this long, as a camera's does by default."""


class FileSource:
    """A clip or a series of pictures, decoded ahead by a capture process.

    Args:
        name: the camera's name.
        request: what to read.
        clock: what frames are stamped with.
        explain: makes the error for a fault at a frame's or picture's number.
        first_ns: how long the first verdict over its pictures takes, in stream time.

    Raises:
        SourceError: the first frame cannot be read.
    """

    live = False

    def __init__(
        self,
        name: str,
        request: Request,
        clock: Clock,
        explain: Callable[[int, int], SourceError],
        *,
        first_ns: int = _FIRST_NS,
    ) -> None:
        self.name = name
        self.passed_over = 0
        self.unread: tuple[str, ...] = ()
        self.on_silence: Callable[[], None] = lambda: None
        self._explain = explain
        self._session = Session(name, clock, live=False, first_ns=first_ns)
        self._session.start(request)
        self._ended = self._overdue = False
        try:
            self._first: Frame | None = self._next()
        except SourceError:
            self.close()
            raise

    @property
    def drops(self) -> int:
        """Frames dropped at the clip's own pace; else 0."""
        return self._session.drops

    @property
    def seen(self) -> int:
        """Pictures decoded so far."""
        return self._session.seen

    @property
    def restarts(self) -> int:
        """Files are never started again."""
        return 0

    @property
    def state(self) -> State:
        """Online or blank until its end."""
        if self._ended or self._session.closed:
            return State.ENDED
        return State.BLANK if self._session.sight.blank else State.ONLINE

    @property
    def reason(self) -> str:
        """Why it is not well; files raise their errors."""
        return EVEN if self.state is State.BLANK else ""

    @property
    def sight(self) -> Sight:
        """What its pictures have shown."""
        return self._session.sight

    @property
    def tracks(self) -> int:
        """How many video tracks its stream has, of which the largest is read."""
        return self._session.tracks

    @property
    def locked(self) -> bool | None:
        """Whether its frames are locked in RAM."""
        return self._session.locked

    def frames(self) -> Iterator[Frame]:
        """Yield every wanted frame, once.

        Raises:
            SourceError: it cannot be read on.
        """
        frame, self._first = self._first, None
        try:
            while frame is not None and not self._session.closed:
                yield frame
                frame = self._next()
        finally:
            self.close()

    def lapse(self, longest_ns: int) -> None:
        """End the reading when a frame has been in use for longer: the next one asked for is an error."""
        self._overdue = self._session.lapse(longest_ns) or self._overdue

    def close(self) -> None:
        """End; the capture process is killed and its memory wiped."""
        self._session.close()

    def _next(self) -> Frame | None:
        """Return the next frame, or None at the end."""
        taken = self._session.take(PATIENCE_S)
        if isinstance(taken, Frame):
            return taken
        if self._session.closed:
            return None
        if self._overdue:
            raise SourceError(
                "one picture took too long, so its frames were destroyed and the reading ended",
                hint="Something that the edge writes to does not answer: look at the disk of the spool.",
            )
        if taken is None:
            raise self._explain(Fault.SILENT, int(PATIENCE_S))
        if taken.say is Say.FAILED:
            raise self._explain(taken.value, taken.where)
        self._ended = True
        return None


def open_video(settings: FileSettings, clock: Clock, *, every_ns: int = 0) -> FileSource:
    """Open a clip; a frame is wanted about every `every_ns` of its own time.

    Raises:
        SourceError: it is absent, empty, or not a video.
    """
    path = settings.path.absolute()
    _check_file(path)
    request = Request(
        parent=os.getpid(),
        kind="video",
        places=(str(path),),
        every=settings.every,
        every_ns=every_ns,
        newest_wins=settings.realtime,
        own_pace=settings.realtime,
    )
    return FileSource(settings.name, request, clock, lambda fault, where: clip_error(path, fault, where))


def open_pictures(settings: PicturesSettings, clock: Clock) -> FileSource:
    """Open picture files and folders of them, in order of name within each folder.

    Raises:
        SourceError: one is absent or empty, a folder holds no picture, or the first is not a picture.
    """
    paths = [path for place in settings.paths for path in _pictures_of(place.absolute())]
    request = Request(parent=os.getpid(), kind="pictures", places=tuple(map(str, paths)))

    def explain(fault: int, where: int) -> SourceError:
        return picture_error(paths[min(where, len(paths) - 1)], fault, where)

    source = FileSource(settings.name, request, clock, explain, first_ns=_NEVER)
    strangers = [path for place in settings.paths for path in _strangers(place)]
    source.passed_over = len(strangers)
    endings = {path.suffix.lower() for path in strangers if path.name[0] != "."}
    source.unread = tuple(sorted(endings & _OTHER_PICTURES))
    return source


def _strangers(place: Path) -> list[Path]:
    """Return the files of a folder that are passed over: hidden ones, and those that no picture is named like."""
    if not place.is_dir():
        return []
    return [path for path in place.iterdir() if path.is_file() and not _is_picture(path)]


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURE_SUFFIXES and path.name[0] != "."


def _pictures_of(place: Path) -> list[Path]:
    if not place.is_dir():
        _check_file(place)
        return [place]
    try:
        names = sorted(path for path in place.iterdir() if _is_picture(path))
    except OSError as error:
        raise SourceError(
            f"the folder {place} cannot be read: {error.strerror}", hint="Check who may read it."
        ) from error
    if not names:
        raise SourceError(
            f"the folder {place} holds no picture",
            hint="Pictures end in " + ", ".join(sorted(PICTURE_SUFFIXES)) + ".",
        )
    return names


def _check_file(path: Path) -> None:
    """Refuse what is no readable file before any library sees it.

    Raises:
        SourceError: absent, no file, empty, or not ours to read.
    """
    try:
        told = path.stat()
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read: {error.strerror}", hint="Check the path and who may read it."
        ) from error
    if not stat.S_ISREG(told.st_mode):
        raise SourceError(f"{path} is not a file", hint="Name a file; for a device give its number.")
    if told.st_size == 0:
        raise SourceError(f"{path} is empty (0 bytes)", hint="Copy it again.")
    if not os.access(path, os.R_OK):
        raise SourceError(f"{path} cannot be read: permission denied", hint="Check who may read it.")
