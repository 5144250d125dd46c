"""``alpr-edge aim`` from lock to end: nothing of the machine's disk can be written while it looks."""

import contextlib
from pathlib import Path

from edge.errors import SourceError, StorageError
from edge.hardening import process
from edge.hardening.landlock import Allowed
from edge.runtime.aim_target import Target
from edge.runtime.allowances import reachable
from edge.runtime.instance_lock import alone
from edge.runtime.signals import stopped_by_signals
from edge.runtime.terminal import err
from hitonly_core.clock import NS, SystemClock
from hitonly_core.safeguard import State


def aim_at(target: Target, *, seconds: int, as_json: bool) -> None:
    """Look for so many seconds, or until Ctrl-C, and say once a second what is seen.

    Raises:
        StorageError: a box runs, and would want the camera too.
        SourceError: no picture came, or a file cannot be read.
        ModelError: the detector cannot be used.
    """
    with contextlib.ExitStack() as stack:
        if target.contested is not None:
            _hold(stack, target.contested)
        allowed = reachable((target.camera.source,), target.models)
        _harden(allowed, unsafe_allow_swap=target.unsafe_allow_swap)
        _look(target, seconds=seconds, as_json=as_json)


def _hold(stack: contextlib.ExitStack, state: Path) -> None:
    """Hold the unit's lock, so that no box runs; taken before nothing can be written any more."""
    try:
        stack.enter_context(alone(state))
    except StorageError as problem:
        hint = "End it first (`sudo systemctl stop alpr-edge`): a camera is aimed before the box reads it."
        raise StorageError(str(problem), hint=hint) from None


def _harden(allowed: Allowed, *, unsafe_allow_swap: bool) -> None:
    """Protect the process as `run` does, and say what is not in force."""
    measures = process.harden(allowed, unsafe_allow_swap=unsafe_allow_swap)
    absent = [measure.name for measure in measures if measure.state is not State.APPLIED]
    if absent:
        err.print(f"protection not in force: {', '.join(absent)}", markup=False)


def _look(target: Target, *, seconds: int, as_json: bool) -> None:
    # Only now: these load libraries that start threads, which no later protection would bind.
    from edge.capture import open_source  # noqa: PLC0415
    from edge.runtime.aim import Aim  # noqa: PLC0415
    from edge.runtime.aim_report import reporter  # noqa: PLC0415
    from edge.runtime.build import open_detector  # noqa: PLC0415
    from edge.vision.zones import Zones  # noqa: PLC0415

    camera, clock = target.camera, SystemClock()
    every_ns = round(NS / camera.detections_per_second)
    source = open_source(camera.source, clock=clock, forget_within_s=target.window_s, every_ns=every_ns)
    margin = target.models.crop_margin if camera.crop_margin is None else camera.crop_margin
    zones = Zones(include=camera.zones.include, exclude=camera.zones.exclude)
    interrupted = False

    def stop() -> None:
        nonlocal interrupted
        interrupted = True
        aim.stop()

    with contextlib.closing(source), reporter(as_json=as_json) as tell:
        aim = Aim(source, open_detector(camera, target.models), zones, margin, clock, tell)
        with stopped_by_signals(stop):
            aim.run(seconds)
    if not aim.looks and not interrupted:
        raise SourceError(
            f"no picture came: {source.reason or 'the source ended'}",
            hint="`alpr-edge check` says more about a camera.",
        )
