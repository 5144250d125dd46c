"""The edge's handle on one capture process: start it, take its frames, kill it.

No thread and no queue: the capture process writes frames into shared memory and drops what is not taken; the
edge takes the newest when it is ready for it.
"""

import array
import contextlib
import os
import select
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from edge.capture.ffmpeg_errors import Reasons
from edge.capture.memory import FrameMemory
from edge.capture.wire import MAX_PIXELS, Fault, Message, Request, Say, Token
from edge.flow import Pixels
from edge.hardening.renewal import ENVIRONMENT

_ROOT: Final = Path(__file__).resolve().parents[2]
_MODULE: Final = "edge.capture.process"
_KEPT: Final = ("PATH", "TZ")
_NAP_S: Final = 1.0
"""The longest sleep: the kernel's sleep stops in suspend, so that the clock must be looked at again."""
_END_S: Final = 1.0
"""Longest wait for a killed process to be gone."""


class Worker:
    """One capture process and the memory it shares with this one.

    Args:
        request: what it captures.
        wake_fd: a descriptor that makes a waiting `take` return when it becomes readable.

    Attributes:
        locked: whether its memory and the shared memory are locked in RAM; None until it has said so.
        kept_ns: for how long its decoder has kept pictures at most; 0 where that is not known, or not yet.
        tracks: how many video tracks its stream has.
        pid: its process id.
        started_s: boot time at which it was started, s.
    """

    def __init__(self, request: Request, *, wake_fd: int) -> None:
        self.started_s = time.clock_gettime(time.CLOCK_BOOTTIME)
        self._memory: FrameMemory | None = None
        self._held: int | None = None
        self._killed = False
        self._wake = wake_fd
        self.locked: bool | None = None
        self.kept_ns = 0
        self.tracks = 1
        self._control, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ready, ready = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        said_read, said_write = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(said_write, False)  # a flood of a library's complaints must not stop it
        self._reasons = Reasons(said_read)
        theirs = (control.fileno(), ready.fileno(), self._ready.fileno())
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-P", "-m", _MODULE, *map(str, theirs)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=said_write,
            pass_fds=theirs,
            env=_environment(request),
        )
        control.close()
        ready.close()
        os.close(said_write)
        self.pid = self._process.pid
        self._hand_over(request)

    def take(self, timeout_s: float) -> Token | Message | None:
        """Give back the frame taken before, and take the next one, or what came instead.

        Args:
            timeout_s: longest wait, time in suspend included: a picture must not wait out a suspend twice.

        Returns:
            A token; `Say.ENDED` or `Say.FAILED`; or None, when nothing came in time or it was woken.
        """
        if self._killed:
            return Message(Say.FAILED, Fault.DIED)  # frames that waited have been wiped
        self.give_back()
        deadline = _boot_s() + timeout_s
        poll = select.poll()
        for fd in (self._ready.fileno(), self._control.fileno(), self._wake, self._reasons.fd):
            poll.register(fd, select.POLLIN)
        while True:
            left = max(0.0, deadline - _boot_s())
            events = dict(poll.poll(min(left, _NAP_S) * 1000))
            if self._reasons.fd in events and not self._reasons.collect():
                poll.unregister(self._reasons.fd)
            if self._wake in events or (not events and left <= _NAP_S):
                return None
            token = self._token()
            if token is not None:
                return self._black(token) or token
            if self._control.fileno() in events:
                message = self._answer()
                if message is not None:
                    return message  # its last word: the frames before it have been taken above

    def pixels(self, token: Token) -> Pixels:
        """Return the frame of a token just taken: a view, good until the next `take`."""
        if self._memory is None:
            raise ValueError("a frame before any memory for it")
        return self._memory.view(token.slot, token.height, token.width)

    def give_back(self) -> None:
        """Let the capture process have the slot of the frame taken last."""
        if self._held is not None:
            self._send(Message(Say.FREE, self._held))
            self._held = None

    def why(self) -> str:
        """Return what the camera or the library complained of, as a fixed sentence, or nothing."""
        self._reasons.collect()
        return self._reasons.sentence

    def kill(self) -> None:
        """Kill the process and wipe the frames, without waiting for its end; `stop` is still to be called."""
        self._killed = True
        self._process.kill()
        if self._memory is not None:
            self._memory.wipe()

    def stop(self) -> None:
        """Kill the process whatever it is doing, and wipe every frame.

        One in a frozen cgroup ends once it is thawed, before it can do anything: it is not waited for. The
        shared frames are wiped all the same; what lies in its own memory only its end can destroy.
        """
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)
        if self._memory is not None:
            self._memory.close()
            self._memory = None
        self._held = None
        self._control.close()
        self._ready.close()
        self._reasons.close()

    def _hand_over(self, request: Request) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        with contextlib.suppress(BrokenPipeError), self._process.stdin as pipe:
            pipe.write(request.to_bytes())

    def _token(self) -> Token | None:
        """Take the waiting frame, if there is one."""
        try:
            data = self._ready.recv(Token.SIZE, socket.MSG_DONTWAIT)
        except (BlockingIOError, ConnectionResetError):
            return None
        if not data:
            return None
        token = Token.from_bytes(data)
        self._held = token.slot
        return token

    def _black(self, token: Token) -> Message | None:
        """Return the failure that the library complained of before this frame, but did not report."""
        self._reasons.collect()
        return Message(Say.FAILED, Fault.INTERLACED, token.number) if self._reasons.interlaced else None

    def _answer(self) -> Message | None:
        """Read one `control` packet and answer it; return it where it is the caller's business."""
        try:
            data = self._control.recv(Message.SIZE, socket.MSG_DONTWAIT)
            message = Message.from_bytes(data) if data else Message(Say.FAILED, Fault.DIED)
        except BlockingIOError:
            return None
        except (ConnectionResetError, struct.error, ValueError):
            return Message(Say.FAILED, Fault.DIED)
        if message.say is Say.NEED:
            return self._provide(message.value)
        if self._notes(message):
            return None
        return message

    def _notes(self, message: Message) -> bool:
        """Keep what a message tells of the capture; False when it tells none."""
        if message.say is Say.STARTED:
            self.locked = bool(message.value)
        elif message.say is Say.KEPT:
            self.kept_ns = message.value
        elif message.say is Say.TRACKS:
            self.tracks = message.value
        else:
            return False
        return True

    def _provide(self, slot_bytes: int) -> Message | None:
        """Make larger memory, and hand its descriptor over."""
        if not 0 < slot_bytes <= 3 * MAX_PIXELS:
            return Message(Say.FAILED, Fault.TOO_LARGE)
        if self._memory is not None:
            self._memory.close()
        self._memory = FrameMemory.create(slot_bytes)
        self.locked = bool(self.locked) and self._memory.locked
        self._send(Message(Say.MEMORY, slot_bytes), descriptor=self._memory.fd)
        return None

    def _send(self, message: Message, *, descriptor: int | None = None) -> None:
        extra = [] if descriptor is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, _as_bytes(descriptor))]
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # `take` notices that it has died
            self._control.sendmsg([message.to_bytes()], extra)


def _boot_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _as_bytes(descriptor: int) -> bytes:
    return array.array("i", [descriptor]).tobytes()


def _environment(request: Request) -> dict[str, str]:
    """Return the little that the capture process needs; nothing secret is ever in an environment.

    Its freed memory is overwritten, as the edge's own is (promise 4). A clip may not name other files or
    addresses to read from, as some formats can.
    """
    options = f"rtsp_transport;{request.transport}|fpsprobesize;0"
    if request.authority:  # the library checks no certificate unless it is told to
        options += f"|tls_verify;1|ca_file;{request.authority}"
    return {
        **{key: os.environ[key] for key in _KEPT if key in os.environ},
        **ENVIRONMENT,
        "PYTHONPATH": str(_ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENCV_IO_MAX_IMAGE_PIXELS": str(MAX_PIXELS),
        "OPENCV_FFMPEG_CAPTURE_OPTIONS": options if request.kind == "rtsp" else "protocol_whitelist;file",
    }
