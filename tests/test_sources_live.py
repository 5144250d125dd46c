"""Network cameras, against a real RTSP server: the newest frame, through every way a camera can fail."""

import contextlib
import itertools
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from edge.capture import open_source
from edge.capture.base import State
from edge.capture.live import LiveCamera
from edge.capture.memory import SLOTS
from edge.capture.process import Beginning
from edge.capture.settings import RtspSettings, UsbSettings, settings_from_text
from edge.errors import SourceError
from edge.flow import Frame
from hitonly_core.clock import NS, SystemClock
from tests.certificates import Certificate

SERVER = Path(__file__).with_name("rtsp_server.py")
USER, PASSWORD = "viewer", f"s3cr3t-Canary-{secrets.token_hex(8)}"
"""The password is new in each run: another run beside this one must not be found in its place."""
PATIENCE_S = 30.0
"""A test fails when something has not happened by then."""

BINDINGS = "girepository-1.0/GstRtspServer-1.0.typelib"
needs_rtsp_server = pytest.mark.system(
    next(map(str, Path("/usr/lib").glob(f"*/{BINDINGS}")), f"/usr/lib/{BINDINGS}")
)


class Server:
    """The test's camera, which can be killed, stopped and started again at the same port."""

    def __init__(self, codec: str = "h264", certificate: Path | None = None) -> None:
        self.port = 0
        self._kind = [codec, *([str(certificate)] if certificate else [])]
        self.start()

    def start(self) -> None:
        """Serve, at the port of before if there was one."""
        self._process = subprocess.Popen(
            ["/usr/bin/python3", str(SERVER), str(self.port), USER, PASSWORD, *self._kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def say(self, word: str) -> None:
        """Change the running picture."""
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()

    def signal(self, number: signal.Signals) -> None:
        """Freeze or thaw it."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.communicate()

    def url(self, password: str = PASSWORD, path: str = "road", scheme: str = "rtsp") -> SecretStr:
        """Return its address."""
        return SecretStr(f"{scheme}://{USER}:{password}@127.0.0.1:{self.port}/{path}")


@contextlib.contextmanager
def serving(codec: str = "h264", certificate: Path | None = None) -> Iterator[Server]:
    """Run a camera while the block runs."""
    server = Server(codec, certificate)
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture
def server() -> Iterator[Server]:
    """Return a running camera."""
    with serving() as server:
        yield server


@contextlib.contextmanager
def guarded(source: LiveCamera) -> Iterator[LiveCamera]:
    """Close it in the end, and also when the test blocks."""
    guard = threading.Timer(PATIENCE_S, source.close)
    guard.start()
    try:
        yield source
    finally:
        guard.cancel()
        source.close()


@contextlib.contextmanager
def camera(url: SecretStr, **changes: object) -> Iterator[LiveCamera]:
    """Open an impatient camera."""
    settings = {"transport": "tcp", "restart_after_s": 1.5, "retry_max_s": 0.5, "open_timeout_s": 5.0}
    source = open_source(RtspSettings.model_validate({"url": url, **settings, **changes}))
    assert isinstance(source, LiveCamera)
    with guarded(source):
        yield source


def wait_for(source: LiveCamera, state: State) -> None:
    """Wait until it is in this state, while another thread reads it."""
    deadline = time.monotonic() + PATIENCE_S
    while source.state is not state and time.monotonic() < deadline:
        time.sleep(0.02)
    assert source.state is state


@contextlib.contextmanager
def reading(source: LiveCamera) -> Iterator[list[int]]:
    """Read it in a thread; yield the frames' numbers as they come."""
    numbers: list[int] = []

    def read() -> None:
        for frame in source.frames():
            numbers.append(frame.number)  # noqa: PERF401 - seen as they come

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield numbers
    finally:
        source.close()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


@needs_rtsp_server
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_camera_is_read(server: Server, transport: str) -> None:
    """Frames come over TCP and UDP, whole, in order, stamped when they were read."""
    with camera(server.url(), transport=transport) as source:
        states = [source.state]
        frames = source.frames()
        first, second = next(frames), next(frames)
        brightest = max(int(next(frames).pixels.max()) for _ in range(5))

        states.append(source.state)
        assert states == [State.CONNECTING, State.ONLINE]
        assert second.pixels.shape == (240, 320, 3)
        assert brightest > 200  # the white ball
        assert second.number > first.number
        assert first.boot_ns < second.boot_ns <= time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        assert second.stream_ns == second.boot_ns


@needs_rtsp_server
def test_the_codec_makes_no_difference() -> None:
    """The same moving picture as H.264 and as H.265: the same size, and a ball as large and as bright."""
    seen = {}
    for codec in ("h264", "h265"):
        with serving(codec) as server, camera(server.url()) as source:
            frames = source.frames()
            found = [next(frames) for _ in range(8)]
            seen[codec] = max(bright(frame) for frame in found), found[0].pixels.shape

    assert seen["h265"][1] == seen["h264"][1] == (240, 320, 3)
    assert seen["h265"][0] == pytest.approx(seen["h264"][0], rel=0.1)


@needs_rtsp_server
@pytest.mark.parametrize("name", ["127.0.0.1", "DS_2CD (a maker's)"], ids=["an address", "a model's name"])
@pytest.mark.parametrize("known_by", ["authority", "itself"])
def test_an_encrypted_camera_is_read_and_known_by_its_certificate(
    known_by: str, name: str, tmp_path: Path
) -> None:
    """rtsps: read where the certificate is the configured one, or signed by it; any other camera is refused.

    With a name that can be compared by the library whose decoder is made anew, else by the other one.
    """
    authority = Certificate("an authority", tmp_path)
    shown = Certificate(name, tmp_path, signed_by=authority if known_by == "authority" else None)
    expected = authority if known_by == "authority" else shown
    stranger = Certificate(name, tmp_path, signed_by=Certificate("a stranger", tmp_path))
    with serving(certificate=shown.with_key) as server:
        url = server.url(scheme="rtsps")
        with camera(url, authority=expected.path) as source:
            frames = source.frames()
            assert next(frames).pixels.shape == (240, 320, 3)
            for _ in range(40):  # four intervals of its key pictures
                next(frames)
            assert bool(source.kept_s) is (name != "127.0.0.1")
        with camera(server.url(scheme="rtsp")) as source, reading(source) as numbers:
            wait_for(source, State.OFFLINE)
            assert not numbers, "the server takes nothing but TLS: the positive control"
    with serving(certificate=stranger.with_key) as server:
        url = server.url(scheme="rtsps")
        with camera(url, authority=expected.path) as source, reading(source) as numbers:
            wait_for(source, State.OFFLINE)
            assert source.reason == "the camera's certificate is not the one in authority, nor signed by it"
            assert not numbers


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"scheme": "rtsps"}, "needs authority"),
        ({"scheme": "rtsps", "authority": "ca.pem", "transport": "udp"}, "in the clear"),
        ({"scheme": "rtsps", "authority": "ca.pem|tls_verify;0"}, "cannot hold"),
        ({"scheme": "rtsp", "authority": "ca.pem"}, "rtsp:// is not encrypted"),
    ],
)
def test_what_would_only_look_secure_is_refused(settings: dict[str, str], word: str) -> None:
    """TLS without a certificate to compare, media beside it, a path that is an option: refused, in one line."""
    scheme = settings["scheme"]
    rest = {name: value for name, value in settings.items() if name != "scheme"}
    with pytest.raises(ValidationError, match=word) as caught:
        RtspSettings.model_validate({"url": f"{scheme}://{USER}:{PASSWORD}@10.0.0.1/road", **rest})
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_an_authority_that_is_none_is_said_at_the_start(content: bytes | None, tmp_path: Path) -> None:
    """A wrong path is no camera that is offline for ever: the start fails, and the message names the file."""
    path = tmp_path / "camera.pem"
    if content is not None:
        path.write_bytes(content)
    settings = RtspSettings(url=SecretStr(f"rtsps://{USER}:{PASSWORD}@10.0.0.1/road"), authority=path)
    with pytest.raises(SourceError, match=r"camera\.pem") as caught:
        open_source(settings)
    assert PASSWORD not in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("burst", "whole_every", "first"),
    [(0, 1, 1), (30, 1, 30), (0, 10, 10), (30, 12, 30), (30, 50, 50), (0, 1000, 125)],
)
def test_a_stream_is_used_from_its_first_whole_and_timely_picture(
    burst: int, whole_every: int, first: int
) -> None:
    """Neither what piled up while connecting nor what cannot be whole is used; the wait ends after 5 s."""
    beginning = Beginning(0)
    frame_ns, now_ns, used = NS // 25, 0, []
    for number in range(150):
        now_ns += NS // 500 if number < burst else frame_ns
        if beginning.over(now_ns, number * frame_ns, whole=number % whole_every == 0 and number > 0):
            used.append(number)

    assert used == list(range(first, 150))


@needs_rtsp_server
def test_the_newest_frame_wins(server: Server) -> None:
    """A slow reader gets the picture of now, not of then; what it missed is counted."""
    with camera(server.url()) as source:
        frames = source.frames()
        numbers, ages = [], []
        for _ in range(4):
            frame = next(frames)
            ages.append(time.clock_gettime_ns(time.CLOCK_BOOTTIME) - frame.boot_ns)
            numbers.append(frame.number)
            time.sleep(0.5)

        assert max(ages[1:]) < 400_000_000  # older frames were waiting for 500 ms
        assert source.drops > 0
        assert numbers[-1] + 1 == len(numbers) + source.drops


@needs_rtsp_server
def test_a_frame_whose_turn_hangs_is_destroyed_and_the_camera_found_again(server: Server) -> None:
    """Whoever took it may hang on a disk: its picture ends all the same, with what is in the capture process."""
    with camera(server.url()) as source:
        frames = source.frames()
        kept, capture = next(frames).pixels, source.pid
        source.lapse(60 * NS)
        assert kept.any()
        time.sleep(0.2)
        source.lapse(NS // 10)
        assert not kept.any()
        assert next(frames).pixels.any()
        assert source.pid != capture


@needs_rtsp_server
def test_every_place_for_a_frame_of_a_camera_is_used_again_and_again(server: Server) -> None:
    """Read fast or slowly, no frame is left lying in a place that is not wanted for now."""
    with camera(server.url()) as source:
        places = []
        for frame in itertools.islice(source.frames(), 60):
            places.append(frame.pixels.ctypes.data)
            time.sleep(0.1 if len(places) > 50 else 0)
        for first in range(len(places) - 8):
            assert len(set(places[first : first + 8])) == SLOTS


@needs_rtsp_server
def test_a_camera_gives_frames_as_often_as_they_are_wanted(server: Server) -> None:
    """Five a second of 25 are wanted: the frames between are counted, and are no drops."""
    with guarded(LiveCamera(RtspSettings(url=server.url()), SystemClock(), every_ns=NS // 5)) as source:
        seen = []
        for frame in source.frames():
            seen.append((frame.stream_ns, frame.number))
            if len(seen) == 8:
                break
        passed = [later[0] - before[0] for before, later in itertools.pairwise(seen)]

        assert min(passed) > 0.15 * NS
        assert seen[-1][1] > 3 * len(seen)
        assert source.seen == seen[-1][1] + 1
        assert source.drops < 8


@needs_rtsp_server
def test_a_killed_camera_is_found_again(server: Server) -> None:
    """The source goes offline, says why, tries again, and recovers by itself; frame numbers go on."""
    silences: list[State] = []
    with camera(server.url()) as source, reading(source) as numbers:
        source.on_silence = lambda: silences.append(source.state)
        wait_for(source, State.ONLINE)
        assert not silences
        server.kill()
        wait_for(source, State.OFFLINE)
        deadline = time.monotonic() + PATIENCE_S
        while "nothing answers" not in source.reason and time.monotonic() < deadline:
            time.sleep(0.02)
        assert source.reason == "nothing answers at this address and port"
        before = len(numbers)
        server.start()
        wait_for(source, State.ONLINE)

        assert source.restarts > 0
        assert set(silences) == {State.OFFLINE}
        assert source.reason == ""
        assert numbers == sorted(set(numbers))
        assert len(numbers) > before


@needs_rtsp_server
def test_the_capture_of_a_hung_camera_is_killed(server: Server) -> None:
    """A camera that keeps the line open and sends nothing: its capture process is killed, another started."""
    with camera(server.url()) as source, reading(source):
        wait_for(source, State.ONLINE)
        hung = source.pid
        server.signal(signal.SIGSTOP)
        wait_for(source, State.OFFLINE)
        assert hung is not None
        assert not Path(f"/proc/{hung}").exists()
        server.signal(signal.SIGCONT)
        wait_for(source, State.ONLINE)

        assert source.pid != hung


@needs_rtsp_server
def test_a_hung_capture_process_is_killed(server: Server) -> None:
    """The capture process itself stops answering (as a read that hangs for ever does): it is replaced."""
    with camera(server.url()) as source, reading(source):
        wait_for(source, State.ONLINE)
        hung = source.pid
        assert hung is not None
        os.kill(hung, signal.SIGSTOP)
        wait_for(source, State.OFFLINE)
        wait_for(source, State.ONLINE)

        assert source.pid != hung
        assert not Path(f"/proc/{hung}").exists()


@needs_rtsp_server
def test_a_capture_process_is_renewed_without_a_gap(server: Server) -> None:
    """A decoder keeps old pictures, so its process is replaced; frames go on, and nobody notices."""
    seen: list[tuple[int, int, State]] = []
    with guarded(LiveCamera(RtspSettings(url=server.url()), SystemClock(), renew_after_s=1.0)) as source:
        for frame in source.frames():
            assert source.pid is not None
            seen.append((source.pid, frame.number, source.state))
            if len({pid for pid, _, _ in seen}) == 3:
                break
    first = seen[0][0]

    assert not Path(f"/proc/{first}").exists()
    numbers = [number for _, number, _ in seen]
    assert numbers == sorted(set(numbers))
    assert {state for _, _, state in seen} == {State.ONLINE}
    assert source.restarts == 0


@needs_rtsp_server
def test_a_successor_s_age_counts_from_its_start(server: Server) -> None:
    """It has received pictures since then, whenever it takes over: the promise is about them."""
    with guarded(LiveCamera(RtspSettings(url=server.url()), SystemClock(), renew_after_s=1.0)) as source:
        first, age_s = None, 0.0
        for _ in source.frames():
            first, age_s = first or source.pid, source._session.age_s
            if source.pid != first:
                break
            time.sleep(1.5)
        assert age_s >= 1.5


@needs_rtsp_server
def test_a_camera_that_turns_black_is_noticed(server: Server) -> None:
    """A lens covered while it runs, or a decoder that gives black: named blank; frames still come."""
    with camera(server.url(), frozen_after_s=1.0) as source, reading(source) as numbers:
        wait_for(source, State.ONLINE)
        while source.sight.length_ns < 2e9:
            time.sleep(0.05)
        server.say("black")
        wait_for(source, State.BLANK)
        before = len(numbers)
        time.sleep(0.5)

        assert "lens covered" in source.reason
        assert len(numbers) > before


@needs_rtsp_server
def test_a_frozen_picture_is_noticed(server: Server) -> None:
    """A camera that sends the same picture for ever is reported as frozen; its frames still come."""
    with camera(server.url(), frozen_after_s=1.0) as source, reading(source) as numbers:
        wait_for(source, State.ONLINE)
        server.say("still")
        wait_for(source, State.FROZEN)
        before = len(numbers)
        time.sleep(0.5)

        assert len(numbers) > before


@needs_rtsp_server
def test_a_change_of_resolution_loses_nothing(server: Server) -> None:
    """The picture goes on in its first size, whole: the ball shrinks, and is not cut off."""
    with camera(server.url()) as source:
        frames = source.frames()
        sizes = [bright(next(frames)) for _ in range(5)]
        large = max(sizes)
        server.say("resize")
        while min(sizes[-5:]) == 0 or max(sizes[-5:]) > large / 2:
            frame = next(frames)
            sizes.append(bright(frame))

        assert frame.pixels.shape == (240, 320, 3)
        assert sizes[-1] == pytest.approx(large / 4, rel=0.2)


def bright(frame: Frame) -> int:
    """Return the ball's size in pixels."""
    return int((frame.pixels[:, :, 1] > 128).sum())


@needs_rtsp_server
@pytest.mark.parametrize(
    ("password", "path", "reason"),
    [
        ("wrong-" + PASSWORD, "road", "the camera refused the user name or password"),
        (PASSWORD, "nowhere", "the camera has no stream at this address"),
    ],
    ids=["wrong password", "no such stream"],
)
def test_a_refusal_is_explained(server: Server, password: str, path: str, reason: str) -> None:
    """What the camera answered reaches the operator as a plain sentence."""
    with camera(server.url(password, path)) as source, reading(source) as numbers:
        wait_for(source, State.OFFLINE)

        assert source.reason == reason
        assert not numbers


def everything_visible(source: LiveCamera) -> str:
    """Return what others on the machine can see of our processes: arguments, environments, names of maps."""
    assert source.pid is not None
    seen = [repr(source), str(source._settings), source._settings.model_dump_json(), source.reason]
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            seen.append((process / "cmdline").read_text(errors="replace"))
    for name in ("cmdline", "environ", "maps", "comm"):
        with contextlib.suppress(OSError):
            seen.append(Path(f"/proc/{source.pid}/{name}").read_text(errors="replace"))
    return "\n".join(seen)


@needs_rtsp_server
def test_the_password_is_nowhere(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither arguments, environment, representation nor output hold it: connected, refused, or gone."""
    looked = []
    with camera(server.url()) as source, reading(source):
        wait_for(source, State.ONLINE)
        looked.append(everything_visible(source))
        server.kill()
        wait_for(source, State.OFFLINE)
        looked.append(str(source.reason))
    looked.extend(capfd.readouterr())

    # The test's server has it among its arguments: the scan finds that one, and no other.
    assert looked[0].count(PASSWORD) == 1
    assert f"{USER}\0{PASSWORD}" in looked[0]
    assert not any(PASSWORD in text for text in looked[1:])


def test_a_rejected_address_is_not_repeated() -> None:
    """A mistyped address may hold a password: the error does not."""
    with pytest.raises(ValidationError) as caught:
        settings_from_text(f"rtps://{USER}:{PASSWORD}@10.0.0.1/road")

    assert PASSWORD not in str(caught.value)
    assert "rtsp://" in str(caught.value)


def test_a_camera_that_answers_with_garbage_goes_offline() -> None:
    """Nonsense instead of RTSP is a failed attempt, not a crash."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        answers = threading.Thread(target=answer_with_garbage, args=(listener,), daemon=True)
        answers.start()
        port = listener.getsockname()[1]
        with camera(SecretStr(f"rtsp://127.0.0.1:{port}/road")) as source, reading(source) as numbers:
            wait_for(source, State.OFFLINE)

            assert not numbers


def answer_with_garbage(listener: socket.socket) -> None:
    """Answer every request with bytes of no meaning."""
    with contextlib.suppress(OSError):
        while True:
            line, _ = listener.accept()
            with line, contextlib.suppress(OSError):
                line.recv(4096)
                line.sendall(bytes(range(256)) * 200)


def test_an_absent_usb_camera_goes_offline() -> None:
    """A device that is not there, or was unplugged, is tried again like any camera."""
    source = open_source(UsbSettings(device=63, retry_max_s=0.2))
    assert isinstance(source, LiveCamera)
    with reading(source):
        wait_for(source, State.OFFLINE)

        assert source.reason == "there is no such camera device"


def test_a_silent_camera_is_retried_and_close_ends_the_wait() -> None:
    """A camera that accepts and never answers: restarted again and again, until closed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with (
            camera(
                SecretStr(f"rtsp://127.0.0.1:{port}/x"), restart_after_s=0.3, open_timeout_s=0.3
            ) as source,
            reading(source),
        ):
            deadline = time.monotonic() + PATIENCE_S
            while source.restarts < 2 and time.monotonic() < deadline:
                time.sleep(0.02)

            assert source.restarts >= 2

    assert source.state is State.ENDED
    assert source.pid is None


def child_limits(pid: int) -> dict[str, str]:
    """Return what the kernel says of a process's core limit, privileges and parent's-death signal."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    limits = Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
    told = dict(line.split(":", 1) for line in status.splitlines())
    told["core"] = next(line for line in limits.splitlines() if line.startswith("Max core"))
    return told


@needs_rtsp_server
def test_the_capture_process_is_guarded_and_dies_with_its_parent(server: Server, tmp_path: Path) -> None:
    """No core dumps, no new privileges, not readable by its own user; killed when the edge is."""
    program = tmp_path / "edge_alone.py"
    program.write_text(
        "import sys, time\n"
        "from edge.capture import open_source\n"
        "from edge.capture.settings import settings_from_text\n"
        "source = open_source(settings_from_text(sys.stdin.readline().strip()))\n"
        "frames = source.frames()\n"
        "next(frames)\n"
        "print(source.pid, source.locked, flush=True)\n"
        "time.sleep(60)\n"
    )
    edge = subprocess.Popen(
        [sys.executable, str(program)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert edge.stdin is not None
    assert edge.stdout is not None
    edge.stdin.write(server.url().get_secret_value() + "\n")
    edge.stdin.flush()
    pid = int(edge.stdout.readline().split()[0])
    told = child_limits(pid)
    owner = Path(f"/proc/{pid}/mem").stat().st_uid
    edge.kill()
    edge.communicate()
    deadline = time.monotonic() + PATIENCE_S
    while running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)

    assert told["NoNewPrivs"].strip() == "1"
    assert told["core"].split()[4:6] == ["0", "0"]
    assert owner == 0
    assert not running(pid)


def running(pid: int) -> bool:
    """Whether a process exists and is more than an entry waiting for its parent."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] != "Z"
    return False
