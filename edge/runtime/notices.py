"""What a run says of itself beside its hits: each thing once when it comes, and once when it is over."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from edge.pipeline.loop import Pipeline
from hitonly_core.wall_clock import CLOCK_UNSET, ClockState, clock_state


def frames_unlocked(pipelines: Sequence[Pipeline]) -> Iterator[str]:
    """Yield the name of each camera whose capture process could not lock its memory; known with the first frame."""
    return (each.camera.name for each in pipelines if each.camera.source.locked is False)


@dataclass(slots=True)
class Notices:
    """Belongs to the housekeeping thread, but for `passed_over`, which is called before that starts.

    Attributes:
        pipelines: one a camera.
        say: is told a sentence that holds no plate.
        live: whether a source is a camera.
    """

    pipelines: Sequence[Pipeline]
    say: Callable[[str], None]
    live: bool
    _unlocked: set[str] = field(default_factory=set)
    _tracks: set[str] = field(default_factory=set)
    _unset: bool = False
    _unsafe: bool = False

    def passed_over(self) -> None:
        """Say of each folder which files in it are not read."""
        for pipeline in self.pipelines:
            source = pipeline.camera.source
            if source.passed_over:
                words = f"camera {pipeline.camera.name}: {source.passed_over} files passed over"
                if source.unread:
                    words += (
                        f", among them pictures or clips that are not read here ({' '.join(source.unread)})"
                    )
                self.say(words)

    def turn(self) -> None:
        """Say what is new of the cameras' memory, their streams and the clock."""
        self._memory()
        self._streams()
        self._clock()

    def hits(self, *, safe: bool) -> None:
        """Say once that hits would be lost, and once that they are safe.

        Args:
            safe: whether every hit is on a disk.
        """
        if safe is self._unsafe:
            self._unsafe = not safe
            self.say(
                "hits that waited in memory are on a disk now"
                if safe
                else "NO DISK TAKES HITS: they wait in memory, and are lost if the box ends; make room now"
            )

    def _memory(self) -> None:
        for name in sorted(set(frames_unlocked(self.pipelines)) - self._unlocked):
            self._unlocked.add(name)
            self.say(f"not in force: frames-locked ({name}); frames could reach swap")

    def _streams(self) -> None:
        for name, source in ((each.camera.name, each.camera.source) for each in self.pipelines):
            if source.tracks > 1 and name not in self._tracks:
                self._tracks.add(name)
                self.say(f"camera {name}: {source.tracks} video tracks; the largest is read")

    def _clock(self) -> None:
        unset = self.live and clock_state() is ClockState.UNSYNCHRONISED
        if unset is not self._unset:
            self._unset = unset
            self.say(CLOCK_UNSET if unset else "the clock has been set by a time service")
