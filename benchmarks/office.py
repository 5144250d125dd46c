"""A department's running service and a box enrolled with it, by the commands that people use.

For the demonstration and the benchmarks. The hot list alone is put into force directly, as an author and an
approver would have done over days.
"""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from api import devices, publishing
from api.db.models import EntryRow
from api.service import open_service
from api.settings import Settings
from benchmarks.runner import BenchError
from hotlist.entry import Entry, Purpose, Severity, Vehicle, entry_to_json

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Office:
    """The department's running service, its address, and the first administrator's link."""

    state: Path
    url: str
    link: str
    process: subprocess.Popen[str]


def run_tool(module: str, *arguments: str) -> str:
    """Run one of our command lines and return what it printed.

    Raises:
        BenchError: it failed; the message is what it said.
    """
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if done.returncode:
        raise BenchError(f"{module} {arguments[0]}: {done.stderr or done.stdout}")
    return done.stdout


@contextmanager
def start_office(state: Path) -> Iterator[Office]:
    """Run the department's service on loopback while the block runs.

    Raises:
        BenchError: it did not start.
    """
    command = [sys.executable, "-m", "api.cli", "serve", "--state", str(state), "--port", "0"]
    log = state.with_suffix(".log").open("w")
    with (
        log,
        subprocess.Popen(  # noqa: S603 - our own
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        said = ""
        for line in process.stdout or ():
            said += line
            if found := re.search(r"link, once and within a day, is in (\S+)", said):
                link = Path(found[1]).read_text().strip()
                break
        else:
            raise BenchError(f"the service did not start: {said}; see {log.name}")
        try:
            yield Office(state, link.partition("/welcome/")[0], link, process)
        finally:
            process.send_signal(signal.SIGTERM)


def enrol(office: Office, box: Path, name: str) -> str:
    """Register and enrol a box as an administrator and an installer would; return its configuration's tables.

    Args:
        office: the running service.
        box: the box's folder; its keys are made in it.
        name: the box's id.

    Raises:
        BenchError: a command failed.
    """
    said = run_tool(
        "api.cli", "devices", "add", name, "--registration-id", "DEMO-1", "--make", "drawn", "--model", "by code",
        "--location", "the drawn road", "--agency", "Demonstration", "--policy-sha256", "0" * 64,
        "--state", str(office.state),
    )  # fmt: skip
    code = re.search(r"\b[A-Z2-9]{6}(-[A-Z2-9]{6}){3}\b", said)
    if code is None:
        raise BenchError("no enrolment code was made")
    return run_tool("edge.cli", "enrol", "--api", office.url, "--code", code[0], "--folder", str(box))


def publish(office: Office, box: Path, name: str, plates: Sequence[str]) -> None:
    """Put plates into force, publish the list, and hand it to the box: ``lists/hotlist.sealed`` in its folder."""
    now = datetime.now(UTC).replace(microsecond=0)
    service = open_service(Settings(state=office.state))
    try:
        with service.database.begin() as session:
            for number, plate in enumerate(plates, start=1):
                entry = _entry(number, plate, now)
                session.add(
                    EntryRow(
                        id=entry.id,
                        key=f"{plate}||{entry.case_number}",
                        body=entry_to_json(entry),
                        author="demonstration",
                        approver="demonstration-2",
                        expires=entry.expires,
                    )
                )
        publishing.publish(service, "demonstration")
        with service.database.read() as session:
            device = devices.device_keys(session)[name]
        _, sealed = publishing.sealed_for(service, device)
    finally:
        service.close()
    (box / "lists").mkdir(mode=0o700)
    (box / "lists" / "hotlist.sealed").write_bytes(sealed)


def _entry(number: int, plate: str, now: datetime) -> Entry:
    return Entry(
        id=f"demo-{number}",
        plate=plate,
        region="",
        purpose=Purpose.STOLEN_VEHICLE,
        case_number=f"DEMO-{number:04}",
        source="demonstration",
        author="0" * 16,
        approver="1" * 16,
        created=now,
        effective=now,
        expires=now + timedelta(days=1),
        verified=now,
        severity=Severity.HIGH,
        vehicle=Vehicle(make="any", colour="any"),
    )
