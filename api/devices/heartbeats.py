"""What devices say of themselves: health, versions, and the receipts that prove what became of the reads."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy.orm import Session

from api.core import audit, audit_tree
from api.core.audit import Act
from api.core.counts import Kind as Counted
from api.core.counts import count
from api.core.service import Service, month
from api.db.models import DeviceRow
from api.devices.registry import OFFLINE_AFTER, Device, still_enrolled
from protocol.audit_end import AuditEnd, AuditEndError
from protocol.messages import Heartbeat, HeartbeatAnswer, HeldReceipt
from protocol.receipt_chain import Verdict, verify
from protocol.receipts import Anchor, digest

TOTALS: Final = ("reads", "hits", "destroyed")
RECEIPT: Final = "receipt:"
"""What the counts that receipts prove begin with."""


@dataclass(frozen=True, slots=True)
class Hardening:
    """A protection that a device's system could give it further: its name, what it adds, and how it is set."""

    name: str
    adds: str
    how: str


_FURTHER: Final = {
    f"not in force: {one.name}": one
    for one in (
        Hardening(
            "kernel-zeroes-freed-pages",
            "The kernel overwrites the memory of a process that was killed.",
            "Add init_on_free=1 to the kernel's command line and start the unit again. On Debian: put it into "
            "GRUB_CMDLINE_LINUX in /etc/default/grub and run update-grub; on a Raspberry Pi: into "
            "/boot/firmware/cmdline.txt.",
        ),
        Hardening(
            "files-limited",
            "The kernel lets the program reach its own files only.",
            "Use a kernel with Landlock (5.13 or newer, with landlock among its security modules).",
        ),
        Hardening(
            "tcp-limited",
            "The kernel lets the program connect only where it must.",
            "Use a kernel with Landlock's rules for TCP (6.7 or newer).",
        ),
    )
}
"""What is missing and yet no fault: any other measure that is not in force, such as locked memory, is one."""


class Health(StrEnum):
    """How a device does."""

    GOOD = "good"
    DEGRADED = "degraded"
    LOG_CONTRADICTED = "audit log contradicted"
    BROKEN_CHAIN = "broken chain"
    OFFLINE = "offline"
    REVOKED = "revoked"


def hear(service: Service, device: Device, said: Heartbeat, hot_list: str | None) -> HeartbeatAnswer:
    """Remember what a device says, check its receipts and count what they prove; `hot_list` is the newest's tag.

    Raises:
        RevokedError: the device was revoked meanwhile.
    """
    now = service.now()
    with service.database.begin() as session:
        row = still_enrolled(session, device.id)
        row.heard = now
        row.heartbeat = _with_since(said, row.heartbeat or {}, now)
        if said.receipts:
            _take(session, row, [line.encode() for line in said.receipts], device, now)
        held = _held(said.audit_end, service)
        if held is not None:
            _compare(session, row, held, now)
        mark = audit.checkpoint(session, service.secrets.service, now)
        proof: list[bytes] = []
        if held is not None and mark is not None and row.log_contradicted is None:
            proof = audit_tree.consistency(session, held.seq, mark.seq)
        known = _known(row)
    return HeartbeatAnswer(
        receipt=HeldReceipt(sequence=known.sequence, digest=known.digest) if known else None,
        hot_list=hot_list,
        checkpoint=mark.to_json() if mark else None,
        consistency=[each.hex() for each in proof],
    )


def _with_since(said: Heartbeat, before: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return what is kept of a heartbeat: what it says, and since when each camera is in its state."""
    states, since = before.get("cameras", {}), before.get("since", {})
    kept = {
        name: since.get(name, now.isoformat()) if states.get(name) == state else now.isoformat()
        for name, state in said.cameras.items()
    }
    return {**said.model_dump(mode="json", exclude={"receipts", "audit_end"}), "since": kept}


def _held(body: dict[str, Any] | None, service: Service) -> AuditEnd | None:
    """Return the end that a device holds, where this service signed it; anything else says nothing."""
    try:
        end = AuditEnd.from_json(body)
    except AuditEndError:
        return None
    return end if end.signed_by(service.secrets.service.public) else None


def _compare(session: Session, row: DeviceRow, held: AuditEnd, now: datetime) -> None:
    """Note on the device's row whether the log continues the end that it holds; flag it when it first does not."""
    found = audit.contradiction(session, held) or None
    if found is not None and row.log_contradicted is None:
        detail: dict[str, str | int] = {"held": held.seq, "signed": held.at}
        act = Act("service", "device.log-contradicted", f"device:{row.id}", result="flagged", detail=detail)
        audit.append(session, act, now)
    row.log_contradicted = found


def _take(session: Session, row: DeviceRow, lines: list[bytes], device: Device, now: datetime) -> None:
    """Check the receipts against the last known one; count what is new, or say that the chain is broken."""
    known = _known(row)
    verdict = verify(lines, device.verify_key, known=known)
    findings = "; ".join(dict.fromkeys(finding.message for finding in verdict.findings))[:400]
    row.chain_noted = findings or None
    if not verdict.holds:
        if row.chain_broken is None:
            act = Act(f"device:{device.id}", "device.chain-broken", f"device:{device.id}", result="flagged")
            audit.append(session, act, now)
        row.chain_broken = findings
        return
    for name, number in _new(lines, verdict, known, device).items():
        count(session, Counted(month(now), device.id, "", "", ""), f"{RECEIPT}{name}", number)
    if verdict.anchor is not None:
        row.receipt_seq, row.receipt_digest = verdict.anchor.sequence, verdict.anchor.digest


def _new(lines: list[bytes], verdict: Verdict, known: Anchor | None, device: Device) -> dict[str, int]:
    """Return what the receipts after the known one add.

    A run's counts are sums, and a unit that heard no answer sends again what is known already.
    """
    told: list[bytes] = []
    if known is not None:
        place = next(place for place, line in enumerate(lines) if digest(line) == known.digest)
        told = lines[: place + 1]
    before = verify(told, device.verify_key).totals
    added = {name: verdict.totals[name] - before[name] for name in TOTALS}
    return {name: number for name, number in added.items() if number > 0}


def health(row: DeviceRow, now: datetime) -> Health:
    """Return how a device does, the worst first."""
    if row.revoked is not None:
        return Health.REVOKED
    if row.log_contradicted is not None:
        return Health.LOG_CONTRADICTED
    if row.chain_broken is not None:
        return Health.BROKEN_CHAIN
    if row.heard is None or row.heard + OFFLINE_AFTER <= now:
        return Health.OFFLINE
    said = row.heartbeat or {}
    cameras = said.get("cameras", {})
    if faults(said) or any(state != "online" for state in cameras.values()):
        return Health.DEGRADED
    return Health.GOOD


def faults(said: dict[str, Any]) -> list[str]:
    """Return what is wrong with a device, of what it says; a further protection that it could have is not that."""
    return [word for word in said.get("degraded", []) if word not in _FURTHER]


def hardening(said: dict[str, Any]) -> list[Hardening]:
    """Return the further protections that are not in force on a device, and how each is set."""
    return [_FURTHER[word] for word in said.get("degraded", []) if word in _FURTHER]


def _known(row: DeviceRow) -> Anchor | None:
    """Return the last receipt that is held."""
    if row.receipt_seq is None or row.receipt_digest is None:
        return None
    return Anchor(row.receipt_seq, row.receipt_digest)
