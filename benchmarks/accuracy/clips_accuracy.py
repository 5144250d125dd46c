"""Accuracy on labelled clips: what a whole pass says against what single frames say."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.fixtures.ground_truth import TruePass
from benchmarks.harness.comparing import add_calibration, add_confusions, confusions, distance
from benchmarks.harness.results import Better, Part
from benchmarks.harness.runner import Bench, Clip, department
from benchmarks.harness.stats import Estimate, share

SLACK: Final = 12
"""A reading this many frames outside a label's range may still belong to it: labels are made by hand."""
NEAR: Final = 4
"""A reading farther than this from every plate in view belongs to none of them."""


@dataclass(frozen=True, slots=True)
class Told:
    """What readings of one clip come to, per true pass."""

    single: Estimate
    passes: Estimate
    strings: int
    strangers: int


def measure(
    part: Part, bench: Bench, named: Sequence[tuple[str, Clip, tuple[TruePass, ...]]], title: str
) -> None:
    """Add clips: per clip, single frames and whole passes, ours and the plain loop's.

    Args:
        part: is filled.
        bench: models and progress.
        named: key, clip and truth of each.
        title: of the table.
    """
    rows: list[list[object]] = []
    sure_frames: list[tuple[float, bool]] = []
    sure_passes: list[tuple[float, bool]] = []
    pairs: list[tuple[str, str]] = []
    for key, clip, truth in named:
        bench.advance(f"{clip.name}: reading")
        with department([]) as home:  # a hit ends a pass: what passes say is read with nothing listed
            ours = home.run("record", clip, bench.reading)
            plain = home.run("fast-alpr", clip, bench.reading)
        with department([one.plate for one in truth]) as home:
            listed = home.run("edge", clip, bench.reading)
        edge, other = _told(truth, ours["readings"], ours["passes"]), _told(truth, plain["readings"], None)
        hit = share(len({one.plate for one in truth} & set(listed["hit"])), len(truth))
        for name, estimate, label in (
            ("edge_single", edge.single, "readings of one frame that are exact, this system"),
            ("edge_pass", edge.passes, "passes read exactly, this system"),
            ("edge_hit", hit, "listed plates that were hit, this system"),
            ("plain_single", other.single, "readings of one frame that are exact, plain loop"),
            ("plain_pass", other.passes, "passes whose most frequent reading is exact, plain loop"),
        ):
            part.figure(f"{key}.{name}", f"{clip.name}: {label}", estimate, "share", Better.HIGHER)
        rows.append(
            [
                clip.name,
                len(truth),
                _of(edge.passes),
                _of(hit),
                f"{edge.single.value:.0%}",
                _of(other.passes),
                f"{other.single.value:.0%}",
                f"{edge.strings} / {other.strings}",
            ]
        )
        sure_frames += _sure(truth, ours["readings"], "frame")
        sure_passes += _sure(truth, ours["passes"], "last")
        pairs += [(text, plate) for text, plate, _ in _owned(truth, ours["readings"], "frame")]
    part.table(
        title,
        (
            "",
            "passes",
            "read exactly, whole pass",
            "hit when listed",
            "one frame exact",
            "plain loop: vote exact",
            "plain loop: one frame exact",
            "different texts read, ours / plain",
        ),
        rows,
    )
    add_calibration(
        part,
        f"{title}: is it as sure as it should be?",
        [("one frame", sure_frames), ("whole pass", sure_passes)],
    )
    add_confusions(part, f"{title}: characters taken for others in single frames", confusions(pairs))


def _told(
    truth: Sequence[TruePass], readings: Sequence[dict[str, Any]], passes: Sequence[dict[str, Any]] | None
) -> Told:
    """Return shares; without passes the most frequent reading of each true pass stands for it."""
    owned = _owned(truth, readings, "frame")
    exact = sum(text == plate for text, plate, _ in owned)
    if passes is None:
        votes: dict[str, Counter[str]] = {}
        for text, plate, _ in owned:
            votes.setdefault(plate, Counter())[text] += 1
        right = {plate for plate, count in votes.items() if count.most_common(1)[0][0] == plate}
    else:
        right = {plate for text, plate, _ in _owned(truth, passes, "last") if text == plate}
    texts = len({reading["text"] for reading in readings})
    return Told(
        share(exact, len(owned)),
        share(len(right & {one.plate for one in truth}), len(truth)),
        texts,
        len(readings) - len(owned),
    )


def _owned(
    truth: Sequence[TruePass], readings: Sequence[dict[str, Any]], at: str
) -> list[tuple[str, str, float]]:
    """Return (text, true plate, probability) of each reading that belongs to a pass then in view."""
    found = []
    for reading in readings:
        inside = [one for one in truth if one.first_frame - SLACK <= reading[at] <= one.last_frame + SLACK]
        nearest = min(inside, key=lambda one: distance(reading["text"], one.plate), default=None)
        if nearest is not None and distance(reading["text"], nearest.plate) <= NEAR:
            found.append((reading["text"], nearest.plate, reading["probability"]))
    return found


def _sure(truth: Sequence[TruePass], readings: Sequence[dict[str, Any]], at: str) -> list[tuple[float, bool]]:
    return [(probability, text == plate) for text, plate, probability in _owned(truth, readings, at)]


def _of(estimate: Estimate) -> str:
    return f"{round(estimate.value * estimate.n)} of {estimate.n}"
