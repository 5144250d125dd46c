"""From strace's record to the calls by which something can leave a process.

Every system call is recorded but those named in `QUIET`, which hand nothing to anybody outside: a way out that
nobody thought of is a call like any other. What goes through a pipe, socket pair or memory that the box's own
processes made between themselves stays inside the box and is left out.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.differential.outflow import Call, Outflow
from edge.capture.wire import Token

QUIET: Final = (
    "read,readv,pread64,preadv,preadv2,recvmsg,recvmmsg,futex,munmap,mprotect,mremap,brk,madvise,mbind,"
    "mlock,mlock2,munlock,membarrier,clock_gettime,clock_nanosleep,nanosleep,gettimeofday,poll,ppoll,select,"
    "pselect6,epoll_wait,epoll_pwait,epoll_ctl,epoll_create1,sched_yield,sched_getaffinity,getpid,getppid,gettid,"
    "getuid,geteuid,getgid,getegid,getcwd,getpeername,getsockname,getsockopt,getdents64,getrusage,sysinfo,uname,"
    "times,fstat,close,close_range,dup,dup2,dup3,eventfd2,rt_sigreturn,sigaltstack,rseq,"
    "set_robust_list,set_tid_address,arch_prctl,wait4,waitid,restart_syscall,exit,timerfd_create"
)
"""Calls that read, wait, or change the process's own memory only."""
_CLOCKS: Final = frozenset({"adjtimex", "clock_adjtime"})
"""Calls that read the clock's state, or with other modes than 0 set it: only the first is passed over."""
_INTERNAL: Final = ("pipe", "pipe2", "socketpair")
_DATA: Final = frozenset(
    {"write", "writev", "pwrite64", "pwritev", "pwritev2", "sendto", "sendmsg", "sendmmsg"}
)
UNSEEN: Final = frozenset(
    {"sendfile", "splice", "vmsplice", "tee", "copy_file_range", "process_vm_writev", "io_uring_setup"}
    | {"shmget", "shmat", "msgget", "msgsnd", "semget", "semop", "semtimedop", "mq_open", "mq_timedsend"}
    | {"add_key", "request_key", "keyctl", "ptrace", "pidfd_getfd", "userfaultfd", "bpf", "perf_event_open"}
)
"""Calls that move bytes out of the record's sight, or into memory of the kernel's that others can ask for."""
_LOOKING: Final = frozenset(
    {"stat", "lstat", "newfstatat", "statx", "access", "faccessat", "faccessat2", "readlink", "readlinkat"}
    | {"statfs", "fstatfs", "getxattr", "lgetxattr", "listxattr"}
)
_STANDARD: Final = re.compile(r"[0-2]<")
_OPENING: Final = frozenset({"open", "openat", "openat2"})
_MAKING: Final = re.compile(r"O_(WRONLY|RDWR|CREAT|TRUNC|TMPFILE|APPEND)")
_ANONYMOUS: Final = ("anon_inode:", "/memfd:", "pid:")
_OWN_DESCRIPTORS: Final = (
    "F_GETFD",
    "F_SETFD",
    "F_GETFL",
    "F_DUPFD",
    "F_ADD_SEALS",
    "F_GET_SEALS",
)
_OWN_CONTROLS: Final = ("TCGETS", "TIOCGWINSZ", "FIONBIO", "FIOCLEX", "FIONREAD", "FIONCLEX")
_ABOUT_A_PROCESS: Final = frozenset({"kill", "tgkill", "tkill", "pidfd_open", "process_madvise"})
_POINTING: Final = frozenset({"execve", "mmap", "ioctl", "setsockopt", "landlock_add_rule", "rt_sigaction"})
"""Calls whose record holds a pointer instead of what it points to."""
_BIRTH: Final = frozenset({"clone", "clone3", "fork", "vfork"})
_LINE: Final = re.compile(rb"^(\d+) +([\d.]+) (.*)$", re.DOTALL)
_CALL: Final = re.compile(rb"^(\w+)\((.*)\) += (.*)$", re.DOTALL)
_QUOTED: Final = re.compile(rb'"((?:\\x[0-9a-f]{2})*)"')
_ESCAPE: Final = re.compile(rb"\\x([0-9a-f]{2})")
_DESCRIPTOR: Final = re.compile(r"^(?:\d+|AT_FDCWD)<(.*?)>(?:\(deleted\))?(?:, |$)", re.DOTALL)
_NAMED: Final = re.compile(r"(?:\d+|AT_FDCWD)<([^<>]*)(?:<char [\d:]+>)?>(?:\(deleted\))?")
_CONNECTION: Final = re.compile(r"\d+<((?:TCP|UDP)(?:v6)?:\[[^<>]*->[^<>]*\])>")
_POINTER: Final = re.compile(r"0x[0-9a-f]{9,}")
_MS: Final = 1_000_000


def tracer(record: Path) -> list[str]:
    """Return the command that a box's own is given to, so that its calls are recorded in a file."""
    return [
        "strace", "-f", "--seccomp-bpf", "-yy", "-xx", "-ttt", "-s", "1048576", "-o", str(record),
        "-e", f"trace=!{QUIET}", "-e", "signal=none", "-e", "abbrev=!execve",
    ]  # fmt: skip


def read_outflow(record: Path) -> Outflow:
    """Read a record made with `tracer`; files left behind and exit code are the caller's to add."""
    lines = [line for line in _whole_lines(record) if not _only_asks_the_clock(line)]
    family = _Family()
    for line in lines:
        family.note(line)
    outflow = Outflow(started=lines[0].at if lines else 0.0, ended=lines[-1].at if lines else 0.0)
    for line in lines:
        _add(line, family, outflow)
    return outflow


@dataclass(slots=True)
class _Line:
    pid: int
    at: float
    name: str
    raw: bytes
    result: str

    @property
    def words(self) -> str:
        return _ESCAPE.sub(lambda code: bytes.fromhex(code[1].decode()), self.raw).decode(errors="replace")


def _only_asks_the_clock(line: _Line) -> bool:
    return line.name in _CLOCKS and b"modes=0," in line.raw


@dataclass(slots=True)
class _Family:
    """Which process and thread each number is, and which pipes and socket pairs are the box's own."""

    process: dict[int, int] = field(default_factory=dict)
    thread: dict[int, int] = field(default_factory=dict)
    role: dict[int, str] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)
    _threads: dict[int, int] = field(default_factory=lambda: defaultdict(int))

    def note(self, line: _Line) -> None:
        if line.name in _BIRTH and (child := re.match(r"\d+", line.result)):
            self._born(line.pid, int(child[0]), is_thread=b"CLONE_THREAD" in line.raw)
        elif line.name == "execve" and line.result.startswith("0"):
            self.role[line.pid] = _role(line.words)
        elif line.name in _INTERNAL:
            self.own |= set(re.findall(r"\[(\d+)(?:->\d+)?\]", line.words))
            self.own |= set(re.findall(r"->(\d+)\]", line.words))

    def who(self, pid: int) -> str:
        process = self.process.get(pid, pid)
        return f"{self.role.get(process, 'edge')} {self.thread.get(pid, 0)}"

    def _born(self, parent: int, child: int, *, is_thread: bool) -> None:
        process = self.process.get(parent, parent)
        if is_thread:
            self._threads[process] += 1
            self.process[child], self.thread[child] = process, self._threads[process]
        else:
            self.role.setdefault(child, f"child of {self.role.get(process, 'edge')}")


def _role(words: str) -> str:
    for word, role in (("watchdog", "watchdog"), ("edge.capture", "capture process"), ("edge.", "edge")):
        if word in words:
            return role
    return "another program"


def _add(line: _Line, family: _Family, outflow: Outflow) -> None:
    who, name, target = family.who(line.pid), line.name, _target(line.words)
    if name in {"getrandom", "recvfrom"}:
        _add_taken(line, who, target, outflow)
    elif name in _DATA:
        _add_data(line, who, target, family, outflow)
    elif name in _INTERNAL or (name == "mmap" and not _is_shared_file(line.words, target)):
        return
    elif name in _LOOKING or (name in _OPENING and not _MAKING.search(line.words)):
        outflow.looked.add((who.rpartition(" ")[0], name, _path(line)))
    elif name == "rt_sigprocmask":  # a new thread's own comes at its own time: as a set
        outflow.looked.add((who.rpartition(" ")[0], name, line.words))
    elif name == "lseek" or (name == "fcntl" and ", F_SETFL" in line.words):
        # Only what changes a file that others hold too: the position in a standard stream, or its flags.
        if _STANDARD.match(line.words) and not line.result.startswith("-1"):
            outflow.calls.append(Call(who, name, "", re.sub(r"<.*?>", "", line.words), b"", line.at))
    else:
        _add_other(line, who, target, family, outflow)


def _add_taken(line: _Line, who: str, target: str, outflow: Outflow) -> None:
    """Note what a process was given: random bytes, whose drawing is a call as well, or what came in."""
    if line.name == "getrandom":
        outflow.drawn += [_bytes(text) for text in _QUOTED.findall(line.raw)]
        outflow.calls.append(Call(who, line.name, "", line.words.rpartition('"')[2], b"", line.at))
    elif target.startswith("TCP"):
        outflow.received += _handed(line)


def _add_data(line: _Line, who: str, target: str, family: _Family, outflow: Outflow) -> None:
    """Add bytes that leave the box; of those that stay inside, note the frames that are handed over."""
    if who.startswith("capture process"):
        outflow.announced += _announced(_handed(line))
    if not _is_inside(target, family.own):
        outflow.calls.append(Call(who, line.name, _far_end(target), _failed(line), _handed(line), line.at))


def _add_other(line: _Line, who: str, target: str, family: _Family, outflow: Outflow) -> None:
    name = line.name
    if name in UNSEEN or name == "mmap":
        outflow.unseen.append("mmap of a file, shared" if name == "mmap" else name)
    own_control = name == "ioctl" and any(f", {word}" in line.words for word in _OWN_CONTROLS)
    own_descriptor = name == "fcntl" and any(f", {word}" in line.words for word in _OWN_DESCRIPTORS)
    if not (own_control or own_descriptor):
        path = _path(line) if name in _OPENING or name.startswith(("rename", "link", "unlink", "mk")) else ""
        outflow.calls.append(
            Call(who, name, path or _far_end(target), _plain(line, family) + _failed(line), b"", line.at)
        )


def _handed(line: _Line) -> bytes:
    return b"".join(_bytes(text) for text in _QUOTED.findall(line.raw))


def _announced(data: bytes) -> list[tuple[int, int]]:
    """Return the frame that a packet of the capture process hands over: its boot time, ms, and its number."""
    if len(data) != Token.SIZE:
        return []
    token = Token.from_bytes(data)
    return [(token.boot_ns // _MS, token.number)]


def _target(words: str) -> str:
    """Return what a call's first argument is, where it is a descriptor."""
    found = _DESCRIPTOR.match(words)
    return found[1] if found else ""


def _is_inside(target: str, own: set[str]) -> bool:
    """Whether a descriptor leads to another process of the same box, or to memory without a name."""
    if target.startswith(_ANONYMOUS):
        return True
    return bool(set(re.findall(r"\[(\d+)|->(\d+)", target) and re.findall(r"\d{2,}", target)) & own)


def _far_end(target: str) -> str:
    """Return a connection's far end: the near port is the kernel's choice."""
    connection = re.match(r"(TCP|UDP)(v6)?:\[.*->(.*)\]$", target)
    if connection:
        return f"{connection[1]} {connection[3]}"
    return re.sub(r"\[\d+(->\d+)?\]$", "[]", target) if target.startswith(("UNIX", "TCP", "UDP")) else target


def _path(line: _Line) -> str:
    """Return the last path that a call names."""
    quoted = [_bytes(text).decode(errors="replace") for text in _QUOTED.findall(line.raw)]
    last = quoted[-1] if quoted else ""
    return re.sub(r"^/proc/\d+/", "/proc/<process>/", last)


def _plain(line: _Line, family: _Family) -> str:
    """Return a call's arguments without what the kernel chose: pointers, process ids, numbers of descriptors."""
    if line.name in _BIRTH:
        return ", ".join(re.findall(r"CLONE_\w+", line.words))
    words = line.words
    if line.name in _ABOUT_A_PROCESS:
        return re.sub(r"^\d+", lambda pid: f"<{family.who(int(pid[0]))}>", words)
    words = _CONNECTION.sub(lambda connection: f"<{_far_end(connection[1])}>", words)
    words = _NAMED.sub(lambda named: f"<{_far_end(named[1])}>", words)
    words = re.sub(r"<pid:\d+>", "<process>", words)
    return _POINTER.sub("<pointer>", words) if line.name in _POINTING else words


def _failed(line: _Line) -> str:
    """Return the kernel's refusal, or nothing."""
    return f" = {line.result.split(' (')[0]}" if line.result.startswith("-1") else ""


def _is_shared_file(words: str, _target: str) -> bool:
    """Whether a mapping writes to a file that has a name: bytes would reach it without a call."""
    named = _NAMED.search(words)
    writable = "MAP_SHARED" in words and "PROT_WRITE" in words
    return writable and named is not None and not named[1].startswith(_ANONYMOUS)


def _whole_lines(record: Path) -> Iterator[_Line]:
    """Yield calls in the order in which they began; strace breaks one in two when another runs meanwhile."""
    begun: dict[int, int] = {}
    found: list[tuple[int, float, bytes]] = []
    with record.open("rb") as file:
        for each in file:
            parts = _LINE.match(each.rstrip(b"\n"))
            if parts is None or parts[3].startswith((b"+++", b"---")):
                continue
            pid, at, text = int(parts[1]), float(parts[2]), parts[3]
            resumed = re.match(rb"<\.\.\. \w+ resumed>", text)
            if resumed and pid in begun:
                place = begun.pop(pid)
                found[place] = (*found[place][:2], found[place][2] + text[resumed.end() :])
            elif text.endswith(b" <unfinished ...>"):
                begun[pid] = len(found)
                found.append((pid, at, text.removesuffix(b" <unfinished ...>")))
            elif resumed is None:
                found.append((pid, at, text))
    for place in begun.values():
        found[place] = (*found[place][:2], found[place][2] + b") = ?")
    for pid, at, text in found:
        if call := _CALL.match(text):
            yield _Line(pid, at, call[1].decode(), call[2], call[3].decode(errors="replace"))


def _bytes(text: bytes) -> bytes:
    return bytes.fromhex(text.replace(b"\\x", b"").decode())
