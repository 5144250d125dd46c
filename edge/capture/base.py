"""What every source is."""

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Protocol

from edge.capture.sight import Sight
from edge.flow import Frame


class State(StrEnum):
    """What a source is doing, for reports."""

    CONNECTING = "connecting"
    """No frame yet, and no failure either."""
    ONLINE = "online"
    """Frames arrive."""
    FROZEN = "frozen"
    """Frames arrive, and are all the same picture."""
    BLANK = "blank"
    """Frames arrive, and show nothing but one even colour: see `edge.capture.sight`."""
    OFFLINE = "offline"
    """It failed or fell silent; it is being tried again."""
    ENDED = "ended"
    """A file's last frame has been read, or the source was closed."""


class Source(Protocol):
    """Where frames come from. One thread reads `frames`; the rest may be asked from any thread.

    Attributes:
        on_silence: called by the thread that reads, when a camera has gone offline and before it is tried
            again: nobody will ask for a frame for a while.
        passed_over: files of its folders that are not read.
        unread: of these, the endings of pictures and clips, which somebody may have meant.
    """

    on_silence: Callable[[], None]
    passed_over: int
    unread: tuple[str, ...]

    @property
    def name(self) -> str:
        """The camera's name in the configuration."""

    @property
    def live(self) -> bool:
        """Whether it runs on without us, so that frames are dropped when we are slow."""

    @property
    def seen(self) -> int:
        """Pictures that have come so far: those given, dropped, and passed over because none was wanted."""

    @property
    def drops(self) -> int:
        """Frames dropped so far because nobody was ready for them."""

    @property
    def restarts(self) -> int:
        """How often the capture was started again."""

    @property
    def state(self) -> State:
        """What it is doing."""

    @property
    def reason(self) -> str:
        """Why it is not online, one plain sentence without address or password; empty while it is."""

    @property
    def locked(self) -> bool | None:
        """Whether its frames are locked in RAM; None before the first one."""

    @property
    def tracks(self) -> int:
        """How many video tracks its stream has, of which the one with the largest picture is read."""

    @property
    def sight(self) -> Sight:
        """What its pictures have shown."""

    def frames(self) -> Iterator[Frame]:
        """Yield frames: the newest of a live source, each of a file, where one is wanted.

        A frame's pixels are good for one turn: the next one may overwrite them. Blocks while nothing comes;
        ends with a file, or when the source is closed.

        Raises:
            SourceError: a file cannot be read on. Live sources do not raise; they go offline and try again.
        """

    def lapse(self, longest_ns: int) -> None:
        """Wipe the frames when the last one yielded has been in use for longer; from any thread, never waits."""

    def close(self) -> None:
        """End: `frames` returns, the capture process is killed, its memory wiped. Safe from any thread."""
