"""`alpr-edge setup` against a real service over TLS: one string and a camera lead to a unit that can be started."""

import hashlib
import os
import pty
import re
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from api.devices.authority import issue, prepare_authority
from edge.config import load_config
from edge.errors import ConfigError, Exit
from edge.runtime.config_text import config_text
from protocol.enrolment_text import EnrolmentText, EnrolmentTextError, fingerprint, read_enrolment
from tests.box_kit import ROOT, alpr_edge, events
from tests.test_edge_delivery import Office, serve

DIGEST = "ab" * 32
CODE = "ABCDEF-GHIJKL-MNOPQR-STUVWX"
POLICY = b"Reads are destroyed within three minutes.\n"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Run a department's service over TLS."""
    office = serve(tmp_path_factory.mktemp("service") / "office")
    yield office
    office.stop()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Return a folder with one grey-scale ramp: a camera that shows something, and no plate."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    ramp = bytes(range(256)) * 144
    (folder / "ramp.pgm").write_bytes(b"P5 256 144 255\n" + ramp)
    from PIL import Image  # noqa: PLC0415

    Image.open(folder / "ramp.pgm").save(folder / "ramp.png")
    (folder / "ramp.pgm").unlink()
    return folder


def string_for(office: Office, device: str, policy: bytes = POLICY) -> str:
    """Register a device as an operator does; return its enrolment string."""
    said = office.api(
        "devices", "add", device, "--registration-id", "NH-1", "--make", "Example", "--model", "E1",
        "--location", "the line", "--agency", 'Example "PD"', "--policy-sha256", hashlib.sha256(policy).hexdigest(),
        "--public-url", office.url,
    )  # fmt: skip
    found = re.search(r"https://\S+#\S+#[0-9a-f]{64}", said)
    assert found, said
    return found[0]


class Unit:
    """A unit's folder, and `alpr-edge setup` in it."""

    def __init__(self, base: Path, pictures: Path) -> None:
        self.base, self.pictures = base, pictures
        self.folder, self.config = base / "unit", base / "etc" / "edge.toml"
        self.policy = base / "policy.txt"
        self.policy.write_bytes(POLICY)

    def setup(self, string: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run it with every answer in a flag or a file."""
        (self.base / "string").write_text(string)
        given = {
            "--camera": str(self.pictures), "--policy": str(self.policy), "--folder": str(self.folder),
            "--config": str(self.config), "--enrolment-file": str(self.base / "string"), **changes,
        }  # fmt: skip
        return alpr_edge("setup", *(word for pair in given.items() for word in pair))

    def left(self) -> set[str]:
        """Name every file that was left."""
        folders = (self.folder, self.config.parent)
        return {path.name for folder in folders for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def unit(tmp_path: Path, pictures: Path) -> Unit:
    """Return a unit that nobody has set up."""
    return Unit(tmp_path, pictures)


def test_one_string_and_a_camera_lead_to_a_unit_that_check_calls_good(office: Office, unit: Unit) -> None:
    """The configuration is complete, the authority is kept, and a list that has not come yet is nothing wrong."""
    done = unit.setup(string_for(office, "gate-1"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no list yet" in done.stdout
    assert "on CPUExecutionProvider" in done.stdout
    assert "alpr-edge run --config" in done.stdout
    config = load_config(unit.config)
    assert config.device.id == "gate-1"
    assert config.device.agency == 'Example "PD"'
    assert config.device.policy_sha256 == hashlib.sha256(POLICY).hexdigest()
    assert config.department is not None
    assert config.department.authority is not None
    assert config.department.authority.read_text() == (office.state / "ca.pem").read_text()
    assert unit.config.stat().st_mode & 0o077 == 0
    again = alpr_edge("check", "--config", str(unit.config), "--json")
    assert again.returncode == 0, again.stdout + again.stderr
    lines = events(again)
    assert {line["event"] for line in lines} == {"finding", "measure", "checked"}
    assert all(line["good"] for line in lines if line["event"] == "finding")
    assert lines[-1] == {"event": "checked", "wrong": 0}
    assert not {name for name in unit.left() if name.endswith(".part") or "fetched" in name}
    ran = alpr_edge("run", "--config", str(unit.config), "--json")
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_what_is_written_is_never_replaced(office: Office, unit: Unit) -> None:
    """A second setup over a configuration is refused before anything is sent; the code stays good."""
    unit.config.parent.mkdir()
    unit.config.write_text("mine")
    string = string_for(office, "gate-2")
    done = unit.setup(string)
    assert done.returncode == Exit.CONFIG
    assert "already there" in done.stderr
    assert unit.config.read_text() == "mine"
    unit.config.unlink()
    assert unit.setup(string).returncode == 0


def test_a_wrong_policy_is_said_and_setup_goes_on_without_the_code(office: Office, unit: Unit) -> None:
    """The unit stays enrolled, no configuration is left, and the second try needs no string."""
    other = unit.base / "other.txt"
    other.write_bytes(b"Keep everything.\n")
    done = unit.setup(string_for(office, "gate-3"), **{"--policy": str(other)})
    assert done.returncode == Exit.CONFIG
    assert "policy document" in done.stderr
    assert not unit.config.exists()
    other.unlink()
    done = unit.setup("", **{"--name": "north"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert load_config(unit.config).cameras[0].name == "north"


class Impostor:
    """A TLS server with an authority of its own, which notes every byte that it is sent.

    Attributes:
        heard: request lines, headers and bodies.
        offered: the authority that it gives.
    """

    def __init__(self, folder: Path, offered: str = "") -> None:
        folder.mkdir()
        prepare_authority(folder, [], datetime.now(UTC))
        files = issue(folder, ["127.0.0.1"], datetime.now(UTC))
        self.heard: list[str] = []
        self.offered = offered or (folder / "ca.pem").read_text()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.heard.append(f"{self.requestline}\n{self.headers}")
                content = outer.offered.encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.heard.append(f"{self.requestline}\n{self.headers}{body.decode()}")
                self.send_response(404)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.certificate, files.key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}"
        self.authority = (folder / "ca.pem").read_text()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop it."""
        self.server.shutdown()
        self.server.server_close()


@pytest.mark.parametrize("offers_the_true_one", [False, True])
def test_an_impostor_learns_nothing(*, office: Office, unit: Unit, offers_the_true_one: bool) -> None:
    """Whether it gives its own authority or repeats the true one: no code, no key, and no file that trusts it."""
    true = (office.state / "ca.pem").read_text()
    impostor = Impostor(unit.base / "impostor", true if offers_the_true_one else "")
    try:
        done = unit.setup(EnrolmentText(impostor.url, CODE, fingerprint(true)).text())
    finally:
        impostor.close()
    assert done.returncode == Exit.LINK, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert len(impostor.heard) == 1
    assert "GET /v1/certificate-authority" in impostor.heard[0]
    assert not any(word in impostor.heard[0].lower() for word in ("signature", CODE.lower(), "key"))
    assert not unit.left() & {"ca.pem", "fetched-ca.pem", "department.pub", "edge.toml"}


def test_the_impostor_would_hear_a_code(unit: Unit) -> None:
    """The positive control: who holds the impostor's own fingerprint does send it the code."""
    impostor = Impostor(unit.base / "impostor")
    try:
        done = unit.setup(EnrolmentText(impostor.url, CODE, fingerprint(impostor.authority)).text())
    finally:
        impostor.close()
    assert done.returncode == Exit.LINK
    assert any(CODE in heard for heard in impostor.heard)


@pytest.mark.parametrize("answer", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA", "x" * 100_000])
def test_what_is_no_authority_is_refused(unit: Unit, answer: str) -> None:
    """Nothing, text, half a certificate, too much: one line, exit 10."""
    impostor = Impostor(unit.base / "impostor", answer or " ")
    try:
        done = unit.setup(EnrolmentText(impostor.url, CODE, DIGEST).text())
    finally:
        impostor.close()
    assert done.returncode == Exit.LINK, done.stderr
    assert "Traceback" not in done.stderr


def test_a_terminal_is_asked_and_no_secret_is_an_argument(office: Office, unit: Unit) -> None:
    """Typed at a terminal: the string and the camera's password; the password ends in a file of the unit's own."""
    string = string_for(office, "gate-4")
    master, slave = pty.openpty()
    command = [
        sys.executable,
        "-m",
        "edge.cli",
        "setup",
        "--folder",
        str(unit.folder),
        "--config",
        str(unit.config),
    ]
    process = subprocess.Popen(
        [*command, "--policy", str(unit.policy)], cwd=ROOT, stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    said = _converse(master, {
        "Camera": "rtsp://me:pa%23ss@127.0.0.1:9/stream",
        "Where does it stand": "Mill Road",
        "Enrolment string": string,
    })  # fmt: skip
    assert process.wait(300) == Exit.CONFIG, said  # the camera is not there: said, and the rest stands
    camera = load_config(unit.config).cameras[0]
    assert camera.place == "Mill Road"
    assert "pa%23ss" not in unit.config.read_text()
    assert "pa#ss" not in unit.config.read_text()
    password = unit.folder / "keys" / "camera.password"
    assert password.read_text() == "pa#ss\n"
    assert password.stat().st_mode & 0o077 == 0
    assert "camera camera-1" in said


def _converse(terminal: int, answers: dict[str, str]) -> str:
    """Type each answer once its question is there; return all that was said."""
    said = ""
    open_questions = dict(answers)
    ends = time.monotonic() + 600
    while time.monotonic() < ends:
        try:
            said += os.read(terminal, 4096).decode(errors="replace")
        except OSError:
            break
        for question in [each for each in open_questions if each in said]:
            os.write(terminal, open_questions.pop(question).encode() + b"\n")
    os.close(terminal)
    assert not open_questions, said
    return said


def test_a_password_in_a_flag_is_refused(unit: Unit) -> None:
    """It would stand in the list of processes; nothing was asked of a service."""
    done = unit.setup(f"https://127.0.0.1:9#{CODE}#{DIGEST}", **{"--camera": "rtsp://me:QXZJ@127.0.0.1/x"})
    assert done.returncode == Exit.CONFIG
    assert "QXZJ" not in done.stderr
    assert "--camera holds a password" in done.stderr


def test_without_a_terminal_the_missing_answer_is_named(unit: Unit) -> None:
    """No hanging prompt in a script."""
    done = alpr_edge("setup", "--folder", str(unit.folder), "--config", str(unit.config))
    assert done.returncode == Exit.CONFIG
    assert "no terminal" in done.stderr


def test_a_check_without_department_still_misses_its_list(office: Office, unit: Unit) -> None:
    """Only a unit whose department will send a list has "no list yet"; else it is wrong (R7)."""
    assert unit.setup(string_for(office, "gate-5")).returncode == 0
    text = unit.config.read_text()
    unit.config.write_text(re.sub(r"\[department\]\n(\w.*\n)+", "", text))
    done = alpr_edge("check", "--config", str(unit.config))
    assert done.returncode == Exit.CONFIG
    assert "no list yet" not in done.stdout


@pytest.mark.parametrize(
    "text",
    [
        "", "https://a.example", f"https://a.example#{CODE}", f"https://a.example#{CODE}#{DIGEST[:-1]}",
        f"http://127.0.0.1#{CODE}#{DIGEST}", f"https://a.example/x#{CODE}#{DIGEST}", f"#{CODE}#{DIGEST}",
        f"https://a.example#short#{DIGEST}", f"https://a.example#{CODE}#{DIGEST}#more",
        f"https://u:QXZJ@a.example#{CODE}#{DIGEST}",
    ],
)  # fmt: skip
def test_a_string_that_is_cut_or_altered_is_refused(text: str) -> None:
    """By a message without any part of it."""
    with pytest.raises(EnrolmentTextError) as caught:
        read_enrolment(text)
    assert CODE not in str(caught.value)
    assert "QXZJ" not in str(caught.value)


def test_a_string_reads_back_and_may_be_broken_over_lines() -> None:
    """As a terminal or a mail may break it."""
    for made in (
        EnrolmentText("https://a.example:8443", CODE, DIGEST),
        EnrolmentText("http://127.0.0.1:1", CODE, ""),
    ):
        text = made.text()
        assert read_enrolment(f" {text[:30]}\n{text[30:]}\n") == made
    assert CODE not in repr(made)


def test_a_configuration_is_written_only_as_what_reads_back() -> None:
    """Quotes, backslashes, every language; what TOML cannot hold is refused."""
    tables = {"a": {"b": 'x"\\\u007f é 警', "c": 1, "d": [True, 0.5]}, "e": [{"f": {"g": "h"}}, {"f": {}}]}
    assert config_text(tables)
    with pytest.raises(ConfigError):
        config_text({"a b": {"c": 1}})
