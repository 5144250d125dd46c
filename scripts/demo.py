"""``make demo``: the whole system on one machine, in two minutes, on a road that was drawn for it.

1. A sample road video is rendered, with its ground truth (or the user's own clip or camera is taken).
2. Keys are made: the department's, two people's, the device's. A hot list of some plates is written by one
   person, approved by the other, signed by both and sealed to the device.
3. The real ``alpr-edge run`` reads the video. What it prints are counts and sealed hits.
4. The department's key opens the spool; the hits are compared with the ground truth.

Nothing here is a test double: every step is what a department would run, in a folder of its own.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from api.opening import open_spool
from benchmarks.render import RenderSpec, render
from hotlist.bundle import make, seal
from hotlist.entry import Entry, Purpose, Severity, Vehicle
from hotlist.keys import SealKey, SealPublic, SigningKey, VerifyKey
from hotlist.keyset import KeySet, Person
from hotlist.plate import normalise
from hotlist.store import HotListStore

ROOT = Path(__file__).resolve().parents[1]
SPEC = RenderSpec(seed=7, seconds=24, traffic=30)
LISTED_SHARE = 4
"""Every fourth vehicle of the sample is on the sample hot list."""

out = Console(soft_wrap=True, highlight=False)


@dataclass(frozen=True, slots=True)
class Sample:
    """What is read and what should be found: a source for the edge, plates to list, plates expected."""

    source: str
    listed: tuple[str, ...] = field(repr=False)
    expected: frozenset[str] | None = field(repr=False)
    passes: int | None


def main() -> int:
    """Run the demonstration; 0 when the hits are what the ground truth says, as far as one is known."""
    asked = _arguments()
    folder = ROOT / "demo-out"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    sample = _sample(asked, folder)
    _title("Keys and the hot list")
    config = _department(folder, sample.listed)
    out.print(f"listed: {len(sample.listed)} plates, signed by two people, sealed to this device")
    if not sample.listed:
        out.print("The list is empty: every plate that passes is read, matched with nothing, and destroyed.")
    _title("Reading")
    summary = _run_edge(config, sample.source)
    _title("What the department sees, after opening the spool with its key")
    found = _open(folder)
    return _verdict(sample, summary, found)


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
    _title("Rendering a sample road (no picture of anybody, no plate that is on a real car)")
    clip = folder / "road.mp4"
    truth = render(SPEC, clip, truth=folder / "truth.csv")
    passing = [each.plate for each in truth.passes]
    out.print(f"{clip.relative_to(ROOT)}: {SPEC.seconds:g} s, {len(passing)} vehicles with a legible plate")
    expected = plates or tuple(passing[1::LISTED_SHARE])
    absent = () if plates else ("ZZ99QQQ", "QX11ZZI")
    return Sample(str(clip), expected + absent, frozenset(expected) & frozenset(passing), len(passing))


def _department(folder: Path, plates: Sequence[str]) -> Path:
    """Make keys, list and configuration as a department would; return the configuration's path."""
    keys = folder / "keys"
    keys.mkdir(mode=0o700)
    author, approver, device = SigningKey.generate(), SigningKey.generate(), SigningKey.generate()
    sealing, department = SealKey.generate(), SealKey.generate()
    device.save(keys / "signing.key")
    device.public.save(keys / "signing.pub")
    sealing.save(keys / "sealing.key")
    department.save(keys / "department.key")
    department.public.save(keys / "department.pub")
    now = datetime.now(UTC).replace(microsecond=0)
    people = KeySet(2, (Person("author", author.public), Person("approver", approver.public)))
    entries = list(_entries(plates, author.public, approver.public, now))
    unsigned = make(entries, department="demo", version=1, issued=now, expires=now + timedelta(days=1))
    signed = unsigned.signed_by(author).signed_by(approver)
    (folder / "hotlist.sealed").write_bytes(seal(signed, [SealPublic(sealing.public.raw)]))
    HotListStore(folder / "trust", sealing).begin("demo", people)
    config = folder / "edge.toml"
    config.write_text(CONFIG)
    return config


def _entries(plates: Sequence[str], author: VerifyKey, approver: VerifyKey, now: datetime) -> Iterator[Entry]:
    for number, plate in enumerate(plates, start=1):
        yield Entry(
            id=f"demo-{number}",
            plate=plate,
            region="",
            purpose=Purpose.STOLEN_VEHICLE,
            case_number=f"DEMO-{number:04}",
            source="demonstration",
            author=author.id,
            approver=approver.id,
            created=now,
            effective=now - timedelta(minutes=1),
            expires=now + timedelta(days=1),
            verified=now,
            severity=Severity.HIGH,
            vehicle=Vehicle(make="any", colour="any"),
        )


def _run_edge(config: Path, source: str) -> dict[str, object]:
    """Run the real edge; show hits as they happen; return its summary.

    Raises:
        SystemExit: the edge failed; its own line has said why.
    """
    command = [sys.executable, "-m", "edge.cli", "run", "--config", str(config), "--source", source, "--json"]
    summary: dict[str, object] = {}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as edge:  # noqa: S603 - our own
        for line in edge.stdout or ():
            event = json.loads(line)
            if event["event"] == "hit":
                out.print(f"hit {event['hit'][:8]}: {event['kind']} match, sealed and spooled (UNVERIFIED)")
            elif event["event"] == "summary":
                summary = event
            else:
                out.print(event["text"])
    if edge.returncode or not summary:
        raise SystemExit(edge.returncode or 1)
    _ledger(summary)
    return summary


def _ledger(summary: dict[str, object]) -> None:
    """Print the forgetting ledger."""
    counts = summary["counts"]
    assert isinstance(counts, dict)  # noqa: S101 - the edge's own summary
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


def _open(folder: Path) -> list[str]:
    """Open the spool with the department's key and show it; return the plates of the entries hit."""
    keys = folder / "keys"
    device = {"demo-box": VerifyKey.load(keys / "signing.pub")}
    grid = Table("time (UTC)", "listed plate", "read as", "kind", "probability", "why")
    found = []
    for opened in open_spool(folder / "spool", SealKey.load(keys / "department.key"), device):
        hit = opened.hit
        if hit is None:
            out.print(f"{opened.name}: {opened.problem}")
            continue
        best = hit.matches[0]
        found.append(best.entry.plate)
        grid.add_row(
            f"{hit.captured:%H:%M:%S}", best.entry.plate, hit.plate_read, best.kind.value,
            f"{best.probability:.0%}", best.why,
        )  # fmt: skip
    out.print(grid)
    return found


def _verdict(sample: Sample, summary: dict[str, object], found: list[str]) -> int:
    """Compare with the ground truth, as far as one is known."""
    counts = summary["counts"]
    assert isinstance(counts, dict)  # noqa: S101 - the edge's own summary
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


def _title(text: str) -> None:
    out.print()
    out.rule(text, align="left")


CONFIG = """\
[device]
id = "demo-box"
demo = true

[keys]
signing = "keys/signing.key"
sealing = "keys/sealing.key"
department = "keys/department.pub"

[hotlist]
file = "hotlist.sealed"
trust = "trust"

[storage]
spool = "spool"
state = "state"

[[cameras]]
name = "demo"
place = "the drawn road"
source = { kind = "file", path = "road.mp4" }
"""


if __name__ == "__main__":
    sys.exit(main())
