"""What a box may write to, and what may lie in its folders: every name and size that is not here is a fault."""

import re
from collections.abc import Container, Iterator
from pathlib import PurePath
from typing import Final
from uuid import UUID

from benchmarks.differential.outflow import Outflow
from benchmarks.differential.outflow_rules import UUID4
from benchmarks.fixtures.feeds import BOX
from edge.department.audit_memory import DAYS_MOST
from hitonly_core.keys import SealKey
from protocol.hit import Envelope
from protocol.padding import SIZES
from protocol.receipts import MAX_LINE

_LINES: Final = 2048
_PARTS: Final = (
    r"(\.probe|receipts|list\.sealed|hotlist\.sealed|trust\.json|checkpoint\.json|audit-ends\.jsonl"
    rf"|{UUID4}\.hit)"
)


def hit_sizes(device: str = BOX) -> frozenset[int]:
    """Return the few sizes that a sealed hit can have, bytes: its padding's, sealed and signed by a device."""
    overhead = len(SealKey.generate().public.seal(b"", info=b""))
    envelopes = (Envelope(UUID(int=0), device, bytes(size + overhead), bytes(64)) for size in SIZES)
    return frozenset(len(envelope.to_bytes()) for envelope in envelopes)


NAMES: Final[dict[str, Container[int]]] = {
    rf"spool/{UUID4}\.(hit|refused)": hit_sizes(),
    r"state/lock": range(1),
    r"state/receipts(-\d{12})?\.jsonl": range(1, _LINES * MAX_LINE),
    r"state/checkpoint\.json": range(1, 512),
    r"state/audit-ends\.jsonl": range(1, 512 * DAYS_MOST),
    r"trust/lock": range(1),
    r"trust/list\.sealed": range(1, 1 << 26),
    r"trust/trust\.json": range(1, 1 << 20),
    r"lists/hotlist\.sealed": range(1, 1 << 26),
}
"""Files that a box may leave, by their whole name in its folder, with the sizes that each may have, bytes."""
FOLDERS: Final = frozenset({"spool", "state", "trust", "lists"})
GIVEN: Final = frozenset({"out.txt", "err.txt"})
"""Where the trial sends the box's output: what is written there is compared."""
_UNFINISHED: Final = re.compile(rf"(spool|state|trust|lists)/\.{_PARTS}\.[0-9a-f]{{16}}\.part")
_OUTSIDE: Final = frozenset({"/dev/null", "/dev/tty"})
_MAKING: Final = ("open", "creat", "rename", "link", "symlink", "mk", "truncate", "unlink")
_ADDRESSES: Final = ("TCP", "UDP", "UNIX", "NETLINK", "RAW", "PACKET")
_NAME_SERVICE: Final = "/nscd/socket"
"""The C library asks for this socket when a program looks up who it runs as; no name service runs, none is told."""


def strange(run: Outflow, box: str, department: str = "") -> Iterator[str]:
    """Yield what is not allowed: files left, files made meanwhile, and whom the box spoke to.

    Args:
        run: what left it.
        box: its folder.
        department: the service's address and port as ``127.0.0.1:80``; empty where there is none.
    """
    for name, file in run.left.items():
        if name in FOLDERS | GIVEN:
            continue
        sizes = next((sizes for form, sizes in NAMES.items() if re.fullmatch(form, name)), None)
        if sizes is None:
            yield f"a file with another name in {PurePath(name).parts[0]}"
        elif file.size not in sizes:
            yield f"a file of another size in {PurePath(name).parts[0]}"
    for call in run.calls:
        if call.name.startswith(_MAKING) or call.data:
            if not _is_allowed(call.target, box, department):
                yield f"{call.name} to something that is not allowed"
        elif call.target.startswith(_ADDRESSES) and call.name in {"connect", "sendto", "sendmsg", "bind"}:
            refused = _NAME_SERVICE in call.words and "ENOENT" in call.words
            if (
                not refused
                and f'"{department.rpartition(":")[0]}"' not in call.words
                and call.target != f"TCP {department}"
            ):
                yield f"{call.name} to an address that is not the department's"
    yield from (f"{name}: bytes out of the record's sight" for name in run.unseen)


def _is_allowed(target: str, box: str, department: str) -> bool:
    if target in _OUTSIDE or (department and target == f"TCP {department}"):
        return True
    if not target.startswith(f"{box}/"):
        return False
    name = target.removeprefix(f"{box}/")
    if name in FOLDERS | GIVEN or name == "spool/.probe":
        return True
    return _UNFINISHED.fullmatch(name) is not None or any(re.fullmatch(form, name) for form in NAMES)
