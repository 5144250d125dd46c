"""``make demo``: the whole system on one machine, on a road that was drawn for it.

1. A sample road video is rendered, with its ground truth (or the user's own clip or camera is taken).
2. A department's service starts on loopback; a camera box enrols with it by a one-time code; a hot list of some
   plates is published, signed, and sealed to the box.
3. The real ``alpr-edge run`` reads the video. What it prints are counts and sealed hits.
4. The department's key opens the spool; the hits are compared with the ground truth.
5. The hits are delivered, and wait for review: the link to open is printed. On a terminal the service runs until
   Ctrl-C; without one, everything stops, and the exit code is the result.

Nothing here is a test double: each step is what a department would run, in a folder of its own.
"""

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from api.hits.spool_opening import open_spool
from benchmarks.fixtures.render import RenderSpec, render
from benchmarks.fixtures.service_fixture import Office, enrol, publish, run_tool, start_office
from benchmarks.harness.runner import BenchError
from hitonly_core.keys import SealKey, VerifyKey
from hotlist.plate import normalise
from scripts.demo_processes import run_edge

ROOT = Path(__file__).resolve().parents[1]
SPEC = RenderSpec(seed=7, seconds=24, traffic=30)
LISTED_EVERY = 4
"""Every fourth vehicle of the sample is on the sample hot list."""
BOX = "demo-box"

out = Console(soft_wrap=True, highlight=False)


@dataclass(frozen=True, slots=True)
class Sample:
    """What is read and what should be found: a source, plates to list with their regions, plates expected."""

    source: str
    listed: tuple[str, ...] = field(repr=False)
    expected: frozenset[str] | None = field(repr=False)
    passes: int | None
    regions: Mapping[str, str] = field(default_factory=dict, repr=False)


def main() -> int:
    """Run the demonstration; 0 when the hits are what the ground truth says, as far as one is known."""
    asked = _arguments()
    folder = ROOT / "demo-out"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    sample = _sample(asked, folder)
    _title("A department, its hot list, and a camera box")
    with start_office(folder / "office") as office:
        config = _enrol(office, folder)
        publish(office, folder / "box", BOX, sample.listed, sample.regions)
        out.print(f"{len(sample.listed)} plates listed, the list signed and sealed to the box")
        if not sample.listed:
            out.print(
                "The list is empty: every plate that passes is read, matched with nothing, and destroyed."
            )
        _title("Reading")
        counts = run_edge(config, sample.source, out)
        _ledger(counts)
        _title("What the department's key opens")
        found = _open(folder, office)
        result = _verdict(sample, counts, found)
        _title("Review")
        _deliver(folder, config, office)
        _serve(office)
    return result


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Read a road, keep only hits, forget the rest.")
    parser.add_argument("--video", default="", help="a clip of yours")
    parser.add_argument("--camera", default="", help="an rtsp:// address or a device number; Ctrl-C ends it")
    parser.add_argument("--plates", default="", help="plates to put on the list, separated by spaces")
    return parser.parse_args()


def _sample(asked: argparse.Namespace, folder: Path) -> Sample:
    """Take the user's input, or render the sample road."""
    plates = tuple(normalise(plate) for plate in asked.plates.replace(",", " ").split())
    if asked.video or asked.camera:
        return Sample(asked.video or asked.camera, plates, None, None)
    _title("A sample road (no picture of anybody, no plate that is on a real car)")
    clip = folder / "road.mp4"
    truth = render(SPEC, clip, truth=folder / "truth.csv")
    passing = [each.plate for each in truth.passes]
    out.print(f"{clip.relative_to(ROOT)}: {SPEC.seconds:g} s, {len(passing)} vehicles with a legible plate")
    expected = plates or tuple(passing[1::LISTED_EVERY])
    absent = () if plates else ("ZZ99QQQ", "QX11ZZI")
    regions = {each.plate: each.region for each in truth.passes}
    return Sample(
        str(clip), expected + absent, frozenset(expected) & frozenset(passing), len(passing), regions
    )


def _enrol(office: Office, folder: Path) -> Path:
    """Enrol the box; return its configuration without the service, for reading first and delivering after."""
    box = folder / "box"
    enrolled = enrol(office, box, BOX, "demo")
    config = box / "edge.toml"
    config.write_text(enrolled + CAMERA)
    offline = box / "offline.toml"
    offline.write_text(re.sub(r"\[department\]\n(\w.*\n)+", "", enrolled) + CAMERA)
    out.print(f"{BOX} enrolled; its private keys have not left {box.relative_to(ROOT)}/keys")
    return offline


def _ledger(counts: dict[str, int]) -> None:
    """Print the forgetting ledger."""
    grid = Table(title="Forgetting ledger", show_header=False)
    for label, name in (
        ("reads", "reads"),
        ("= hits", "hits"),
        ("+ destroyed", "destroyed"),
        ("+ live", "live"),
    ):
        grid.add_row(label, str(counts[name]))
    grid.add_row("worst purge lateness", f"{counts['worst_late_ns'] / 1e6:.1f} ms")
    out.print(grid)


def _open(folder: Path, office: Office) -> list[str]:
    """Open the spool with the department's key and show it; return the plates of the entries hit."""
    device = {BOX: VerifyKey.load(folder / "box" / "keys" / "signing.pub")}
    grid = Table("time (UTC)", "listed plate", "read as", "kind", "probability", "why")
    opened = list(open_spool(folder / "box" / "spool", SealKey.load(office.state / "department.key"), device))
    if problems := [each.problem for each in opened if each.hit is None]:
        raise SystemExit(problems[0])
    hits = sorted((each.hit for each in opened if each.hit), key=lambda hit: hit.captured)
    for hit in hits:
        best = hit.matches[0]
        shown = (
            f"{hit.captured:%H:%M:%S}",
            f"{best.entry.plate} {best.entry.region}",
            f"{hit.plate_read} {hit.region_read}",
            best.kind.value.replace("-", " "),
        )
        grid.add_row(*shown, f"{best.probability:.0%}", best.why)
    out.print(grid)
    return [hit.matches[0].entry.plate for hit in hits]


def _verdict(sample: Sample, counts: dict[str, int], found: list[str]) -> int:
    """Compare with the ground truth, as far as one is known."""
    if counts["reads"] != counts["hits"] + counts["destroyed"] + counts["live"] or counts["live"]:
        out.print("The ledger does not add up: this is a defect; please report it.", style="bold red")
        return 1
    if sample.expected is None:
        out.print(f"{counts['reads']} reads, {counts['hits']} hits; {counts['destroyed']} reads destroyed.")
        return 0
    missed, invented = sample.expected - set(found), set(found) - sample.expected
    twice = len(found) - len(set(found))
    out.print(
        f"Ground truth: {sample.passes} vehicles, {len(sample.expected)} of them listed. "
        f"Hits: {len(found)}; missed: {len(missed)}; invented: {len(invented)}; reported twice: {twice}."
    )
    good = not missed and not invented and not twice
    out.print(
        "As it should be." if good else "NOT as it should be.", style="bold green" if good else "bold red"
    )
    return 0 if good else 1


def _deliver(folder: Path, config: Path, office: Office) -> None:
    """Deliver the spool to the service and say where to review it."""
    online = config.with_name("edge.toml")
    waiting = len(list((folder / "box" / "spool").glob("*.hit")))
    if waiting:
        out.print(run_tool("edge.cli", "deliver", "--config", str(online)).strip())
    out.print(
        "The hits wait for review, UNVERIFIED until a person has read the plate without seeing the entry."
    )
    out.print(f"Become the first administrator (the link works once): {office.link}", soft_wrap=True)


def _serve(office: Office) -> None:
    """Serve until Ctrl-C where somebody watches; else end here."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        out.print("No terminal: the service stops here. `make demo` on a terminal keeps it running.")
        return
    out.print("Serving until Ctrl-C.")
    try:
        office.process.wait()
    except (KeyboardInterrupt, subprocess.TimeoutExpired):
        out.print("Stopped.")


def _title(text: str) -> None:
    out.print()
    out.rule(text, align="left")


CAMERA = """\
[storage]
spool = "spool"
state = "state"

[[cameras]]
name = "demo"
place = "the drawn road"
source = { kind = "file", path = "../road.mp4" }
"""


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BenchError as problem:
        raise SystemExit(str(problem)) from None
