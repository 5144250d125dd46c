"""The capture process: opens one source, decodes it, and hands its frames to the edge.

A process of its own because a library's read can hang for ever, and only a process can be killed. Started by
`edge.capture.worker` with two socket numbers as its arguments and its request on standard input. It says
nothing on its own: libraries' messages may name the camera's URL, so they are read by the edge, which reports
one of a few fixed reasons.
"""

import array
import contextlib
import hashlib
import secrets
import socket
import sys
import time
from typing import Final

import numpy as np

from edge.capture.blank import what_shows
from edge.capture.choice import open_decoder
from edge.capture.decoding import CaptureFailed, Decoder
from edge.capture.guard import guard_capture_process
from edge.capture.memory import SLOTS, FrameMemory
from edge.capture.wire import Fault, Message, Request, Say, Token
from edge.flow import Pixels
from edge.sampling import Pace
from hitonly_core.clock import SystemClock

_SAMPLES: Final = 64
"""A picture is compared with the one before at this many rows and columns."""

_JOIN_NS: Final = 5_000_000_000
"""A stream without a single whole picture in this time (its coder refreshes bit by bit) is used all the same."""


class Post:
    """The capture process's end of the line: slots in, tokens out.

    Args:
        control: packets other than frames.
        ready: where tokens go.
        ready_back: the other end of the same line, to take back a token that nobody has taken.
        newest_wins: take back an older frame rather than wait.
    """

    def __init__(
        self, control: socket.socket, ready: socket.socket, ready_back: socket.socket, *, newest_wins: bool
    ) -> None:
        self._control = control
        self._ready = ready
        self._back = ready_back
        self._newest_wins = newest_wins
        self._memory: FrameMemory | None = None
        self._free: list[int] = []
        self.dropped = 0

    def tell(self, message: Message) -> None:
        """Send a `control` packet."""
        self._control.send(message.to_bytes())

    def last_word(self, message: Message) -> None:
        """Say how it ended, and stay until the edge has heard it and closes the line or kills us.

        A socket closed with unread packets in it makes the other side lose what it has not read yet.
        """
        self.tell(message)
        while self._control.recv(Message.SIZE):
            pass

    def slot(self, height: int, width: int) -> tuple[int, Pixels]:
        """Return a slot of ours for a frame of this size, waiting only where frames must not be dropped."""
        needed = height * width * 3
        if self._memory is None or needed > self._memory.slot_bytes:
            self._renew(needed)
        while not self._free:
            self._collect(wait=not self._newest_wins)
            if not self._free:
                self.drop_waiting()
        first = self._free[0]  # the one unused for longest: all go round, and none keeps an old frame
        return first, self._view(first, height, width)

    def send(self, token: Token) -> None:
        """Give the slot away, with the frame in it."""
        self._free.remove(token.slot)
        self._ready.send(token.to_bytes())

    def _view(self, slot: int, height: int, width: int) -> Pixels:
        assert self._memory is not None  # noqa: S101 - `slot` has made it
        return self._memory.view(slot, height, width)

    def _collect(self, *, wait: bool) -> None:
        """Take in the slots that the edge has given back."""
        flags = 0 if wait else socket.MSG_DONTWAIT
        try:
            data = self._control.recv(Message.SIZE, flags)
        except BlockingIOError:
            return
        if not data:
            sys.exit(0)  # the edge is gone
        message = Message.from_bytes(data)
        if message.say is Say.FREE:
            self._free.append(message.value)

    def drop_waiting(self) -> None:
        """Take the waiting frame back, where a newer one wins and the edge has not just taken it."""
        if not self._newest_wins:
            return
        try:
            data = self._back.recv(Token.SIZE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        self._free.append(Token.from_bytes(data).slot)
        self.dropped += 1

    def _renew(self, slot_bytes: int) -> None:
        """Ask for larger memory, and move there."""
        self.drop_waiting()
        self.tell(Message(Say.NEED, slot_bytes))
        while True:
            descriptors = array.array("i")
            data, extra, _, _ = self._control.recvmsg(Message.SIZE, socket.CMSG_LEN(descriptors.itemsize))
            if not data:
                sys.exit(0)
            if Message.from_bytes(data).say is Say.MEMORY:
                break
        descriptors.frombytes(extra[0][2][: descriptors.itemsize])
        if self._memory is not None:
            self._memory.close()
        self._memory = FrameMemory(descriptors[0], slot_bytes)
        self._free = list(range(SLOTS))


class Stillness:
    """Notices a camera that sends the same picture for ever; sensor noise never repeats.

    Of the last picture it keeps a digest of a sample under a random key of this process: it tells the same
    picture from another one, and holds none.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(hashlib.blake2b.MAX_KEY_SIZE)
        self._last = b""
        self._since = 0

    def since(self, pixels: Pixels, now_ns: int) -> int:
        """Return for how many ns no sampled pixel has changed."""
        rows, columns = (max(1, size // _SAMPLES) for size in pixels.shape[:2])
        sample = np.array(pixels[::rows, ::columns])
        digest = hashlib.blake2b(sample.data, digest_size=16, key=self._key).digest()
        sample.fill(0)
        if digest != self._last:
            self._last = digest
            self._since = now_ns
        return now_ns - self._since


class Beginning:
    """Finds where a network stream can be used.

    Joined in the middle, its first pictures lack what they were coded from, up to the first whole one. And
    while the library studies a new stream, frames pile up; they come out faster than their own time passes, and
    their stamps would be too late by that much.
    """

    def __init__(self, now_ns: int) -> None:
        self._latest_ns = now_ns + _JOIN_NS
        self._whole = self._over = False
        self._last: tuple[int, int] | None = None

    def over(self, now_ns: int, stamp_ns: int, *, whole: bool) -> bool:
        """Whether the frame read now, with this stamp of the stream's, can be used.

        Args:
            now_ns: when it was read.
            stamp_ns: its place in the stream's own time.
            whole: whether it needs no other to be decoded.
        """
        if self._over:
            return True
        self._whole = self._whole or whole
        if self._last is not None:
            passed, played = now_ns - self._last[0], stamp_ns - self._last[1]
            self._over = self._whole and (played <= 0 or 2 * passed >= played)
        self._last = now_ns, stamp_ns
        self._over = self._over or now_ns > self._latest_ns
        return self._over


def stream(request: Request, decoder: Decoder, post: Post) -> int:
    """Hand over every wanted frame of the decoder; return how many pictures it had.

    A frame that is not wanted is decoded, because later ones build on it, and never made into pixels.

    Raises:
        CaptureFailed: it broke off.
    """
    clock, stillness, pace = SystemClock(), Stillness(), Pace(request.every_ns)
    live = request.kind in {"rtsp", "usb"}
    begun = clock.boot_ns()
    beginning = Beginning(begun)
    number = kept_ns = 0
    if decoder.tracks() > 1:
        post.tell(Message(Say.TRACKS, decoder.tracks()))
    while decoder.advance():
        now = clock.boot_ns()
        if decoder.kept_ns() > kept_ns:
            kept_ns = decoder.kept_ns()
            post.tell(Message(Say.KEPT, kept_ns))
        if request.kind == "rtsp" and not beginning.over(now, decoder.stream_ns(), whole=decoder.is_whole()):
            continue
        stream_ns = now if live else decoder.stream_ns()
        if number % request.every == 0 and pace.due(stream_ns):
            if request.own_pace:
                time.sleep(max(0, begun + stream_ns - now) / 1e9)
                now = clock.boot_ns()
            slot, pixels = _place(decoder, post)
            height, width = pixels.shape[:2]
            still = stillness.since(pixels, now if live else stream_ns)
            shows = what_shows(pixels)
            post.drop_waiting()
            post.send(Token(slot, width, height, number, now, stream_ns, still, post.dropped, shows))
        number += 1
    return number


def _place(decoder: Decoder, post: Post) -> tuple[int, Pixels]:
    """Put the current picture into a slot, whatever size it turns out to have."""
    slot, place = post.slot(*decoder.shape())
    image = decoder.picture(place)
    if image.ctypes.data == place.ctypes.data:
        return slot, place
    height, width = image.shape[:2]
    slot, place = post.slot(height, width)
    place[:] = image
    image.fill(0)
    return slot, place


def main() -> None:
    """Run until the source ends, fails, or the edge goes away."""
    control, ready, ready_back = (socket.socket(fileno=int(number)) for number in sys.argv[1:4])
    request = Request.from_bytes(sys.stdin.buffer.read())
    locked = guard_capture_process(request)
    post = Post(control, ready, ready_back, newest_wins=request.newest_wins)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the edge has gone: so do we
        post.tell(Message(Say.STARTED, int(locked)))
        try:
            end = Message(Say.ENDED, stream(request, open_decoder(request), post))
        except CaptureFailed as failure:
            end = Message(Say.FAILED, failure.fault, failure.where)
        except MemoryError:
            end = Message(Say.FAILED, Fault.TOO_LARGE)
        post.last_word(end)


if __name__ == "__main__":
    main()
