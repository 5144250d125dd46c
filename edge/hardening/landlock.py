"""Landlock: after it, this process and its children can write only where they were told (promise 3).

Reading stays free; what is limited is creating, changing and removing files, and TCP. The kernel's own
documentation is the source: userspace-api/landlock. UDP is not covered by any version so far.
"""

import ctypes
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
"""System call numbers, the same on every architecture."""
_VERSION: Final = 1
_PATH_RULE, _PORT_RULE = 1, 2

_WRITE_FILE: Final = 1 << 1
_BY_VERSION: Final = {
    1: _WRITE_FILE | sum(1 << bit for bit in range(4, 13)),  # remove and make, of every kind
    2: 1 << 13,  # move between folders
    3: 1 << 14,  # truncate
}
_TRUNCATE: Final = 1 << 14
_SPECIAL: Final = sum(1 << bit for bit in (6, 9, 10, 11, 12))
"""Devices, sockets, pipes and links: made nowhere, not even in the writable folders."""
_BIND, _CONNECT = 1, 2
_NET_VERSION: Final = 4

_LIBC: Final = ctypes.CDLL(None, use_errno=True)


class _RuleSet(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64))


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


class _PortRule(ctypes.Structure):
    _fields_ = (("allowed", ctypes.c_uint64), ("port", ctypes.c_uint64))


@dataclass(frozen=True, slots=True)
class Allowed:
    """What stays allowed.

    Attributes:
        folders: where files may be written, made, moved and removed.
        devices: single files that may be written, such as a USB camera's; absent ones are passed over.
        connect: TCP ports that may be connected to.
        bind: TCP ports that may be listened on.
    """

    folders: tuple[Path, ...]
    devices: tuple[Path, ...] = (Path("/dev/null"),)
    connect: tuple[int, ...] = ()
    bind: tuple[int, ...] = ()


def version() -> int:
    """Return the kernel's Landlock version.

    Raises:
        OSError: it has none, or it is switched off.
    """
    return _call(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))


def restrict(allowed: Allowed) -> bool:
    """Allow this thread, those it starts and its children only what is listed; there is no way back.

    Call it while the process has one thread: others that exist already would stay free.

    Returns:
        Whether TCP is limited too (kernel 6.7 and later).

    Raises:
        OSError: the kernel has no Landlock, or a folder does not exist.
    """
    known = version()
    files = sum(bits for since, bits in _BY_VERSION.items() if known >= since)
    with_net = known >= _NET_VERSION
    rules = _RuleSet(files, _BIND | _CONNECT if with_net else 0)
    size = ctypes.sizeof(rules) if with_net else ctypes.sizeof(ctypes.c_uint64)
    rule_set = _call(_CREATE, ctypes.byref(rules), ctypes.c_size_t(size), ctypes.c_uint32(0))
    try:
        for folder in allowed.folders:
            _allow_path(rule_set, folder, files & ~_SPECIAL)
        for device in allowed.devices:
            if device.exists():
                _allow_path(rule_set, device, files & (_WRITE_FILE | _TRUNCATE))
        if with_net:
            _allow_ports(rule_set, allowed.connect, _CONNECT)
            _allow_ports(rule_set, allowed.bind, _BIND)
        _call(_RESTRICT, ctypes.c_int(rule_set), ctypes.c_uint32(0))
    finally:
        os.close(rule_set)
    return with_net


def _allow_path(rule_set: int, path: Path, what: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = _PathRule(what, place)
        _call(
            _ADD_RULE,
            ctypes.c_int(rule_set),
            ctypes.c_int(_PATH_RULE),
            ctypes.byref(rule),
            ctypes.c_uint32(0),
        )
    finally:
        os.close(place)


def _allow_ports(rule_set: int, ports: Iterable[int], what: int) -> None:
    for port in ports:
        rule = _PortRule(what, port)
        _call(
            _ADD_RULE,
            ctypes.c_int(rule_set),
            ctypes.c_int(_PORT_RULE),
            ctypes.byref(rule),
            ctypes.c_uint32(0),
        )


def _call(number: int, *arguments: object) -> int:
    result = int(_LIBC.syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        reason = ctypes.get_errno()
        raise OSError(reason, os.strerror(reason))
    return result
