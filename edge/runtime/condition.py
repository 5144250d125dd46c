"""How the box is, for a heartbeat."""

from typing import TYPE_CHECKING, Final

from edge.department.heartbeat import Condition
from edge.department.list_watch import ListState
from hitonly_core.wall_clock import boot_id

if TYPE_CHECKING:
    from edge.runtime.box import Box

_WORRIES: Final = 32
_WORDS: Final = 80
"""The most that the service takes of a heartbeat's worries, and of each."""


def condition(box: "Box") -> Condition:
    """Return how the box is, for a heartbeat: nothing in it changes when a vehicle passes that is no hit."""
    summary = box.summary()
    cameras = box.camera_states()
    degraded = [f"not in force: {name}" for name in summary.unprotected]
    degraded += [f"camera {name}: {state}" for name, state in cameras.items() if state.bad]
    if summary.list_state is not ListState.FRESH:
        degraded.append(f"hot list {summary.list_state.value}: no alerts")
    if summary.unwritten:
        degraded.append("no disk takes hits: they are lost if the box ends")
    elif box.spool.on_spare:
        degraded.append("hits lie in the spare folder: see to the spool's disk")
    if box.account.silent:
        degraded.append("the receipts' disk refuses")
    degraded += box.heat.worries
    refused = len(list(box.spool.refused()))
    if refused:
        degraded.append(f"hits refused by the department: {refused}, see alpr-edge check")
    return Condition(
        software=summary.software,
        models=summary.models,
        list_version=summary.list_version,
        cameras={name: state.word for name, state in cameras.items()},
        degraded=tuple(words[:_WORDS] for words in degraded[:_WORRIES]),
        last_receipt=box.ledger.last.sequence if box.ledger.last else -1,
        boot=boot_id(),
        boot_ms=box.clock.boot_ns() // 1_000_000,
    )
