"""What came of a run, in counts."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from edge.department.list_watch import ListState
from edge.pipeline.loop import Tally
from edge.runtime.camera_watch import saw_nothing
from edge.runtime.notices import frames_unlocked
from edge.runtime.software import software
from protocol.counts import Counts, LocalCounts

if TYPE_CHECKING:
    from edge.runtime.box import Box

SOFTWARE: Final = software()


@dataclass(frozen=True, slots=True)
class Summary:
    """What came of a run: counts only.

    Attributes:
        counts: of every read so far. For a live camera they stay in this process: see `published`.
        published: what the receipts have told so far.
        live: whether a source is a camera, rather than a clip or pictures.
        cameras: counts of each camera.
        drops: frames dropped.
        list_state: how the hot list is.
        list_version: of the hot list in use; 0 for none.
        lists_refused: how many lists were not trusted.
        unwritten: hits on no disk: every disk refuses them. They are lost when the box ends.
        blind: of each clip or folder that never showed a real picture, by camera: what it showed.
        models: SHA-256 of the detector, the reader and the region model.
        unprotected: names of the measures not in force.
        software: name and version.
    """

    counts: LocalCounts
    published: Counts
    live: bool
    cameras: dict[str, Tally]
    drops: int
    list_state: ListState
    list_version: int
    lists_refused: int
    unwritten: int
    blind: dict[str, str]
    models: tuple[str, ...]
    unprotected: tuple[str, ...]
    software: str = SOFTWARE


def summarise(box: "Box") -> Summary:
    """Return a box's counts so far."""
    unlocked = (f"frames-locked ({name})" for name in frames_unlocked(box.pipelines))
    return Summary(
        counts=box.window.counts(),
        published=box.account.published,
        live=box.live,
        cameras={pipeline.camera.name: pipeline.tally for pipeline in box.pipelines},
        drops=sum(pipeline.camera.source.drops for pipeline in box.pipelines),
        list_state=box.lists.state,
        list_version=box.lists.version,
        lists_refused=box.lists.refused,
        unwritten=box.spool.unwritten,
        blind=_blind(box),
        models=box.models.digests,
        unprotected=(*box.ledger.run.refused, *unlocked),
    )


def _blind(box: "Box") -> dict[str, str]:
    """Return what each clip or folder showed that never showed a real picture; of cameras see their states."""
    told = {each.camera.name: saw_nothing(each) for each in box.pipelines if not each.camera.source.live}
    return {name: what for name, what in told.items() if what}
