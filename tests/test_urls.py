"""Addresses: what is taken, how it is understood, and that no error repeats a part of one."""

import itertools
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from api.core.errors import SettingsError
from api.core.settings import load_settings
from edge.capture.password import full_address, read_password
from edge.capture.settings import RtspSettings, settings_from_text
from edge.department.link import demand_private
from edge.errors import ConfigError, Exit
from edge.runtime.source_option import source_given
from hitonly_core.urls import HTTPS, MAX_USER, RTSP, AddressError, parse
from tests.box_kit import Department, alpr_edge

HARD = "p#a/s?s[w]o@r:d%&=+ü✓"
"""What a person may well have as a password."""


@pytest.mark.parametrize(
    ("text", "host", "port", "user", "password", "rest"),
    [
        ("rtsp://10.0.0.1", "10.0.0.1", 554, "", None, ""),
        ("RTSPS://Camera.Example:8322/a?b=c", "camera.example", 8322, "", None, "/a?b=c"),
        ("rtsp://u:p%23%2F%40@h:1/x", "h", 1, "u", "p#/@", "/x"),
        ("rtsp://u:p@q:r[1]@h/x", "h", 554, "u", "p@q:r[1]", "/x"),
        ("rtsp://u:p%C3%BCü@h", "h", 554, "u", "püü", ""),
        ("rtsp://u@h", "h", 554, "u", None, ""),
        ("rtsp://u:@h", "h", 554, "u", "", ""),
        ("rtsp://[2001:db8::1]:65535/", "2001:db8::1", 65535, "", None, "/"),
        ("rtsp://u:p@[::1]", "::1", 554, "u", "p", ""),
        ("rtsp://cam_1.local./s", "cam_1.local.", 554, "", None, "/s"),
    ],
)
def test_an_address_is_taken_apart(  # noqa: PLR0917 - its parts
    text: str, host: str, port: int, user: str, password: str | None, rest: str
) -> None:
    """Scheme and host in any case, the port or the scheme's own, codes decoded, the rest as written."""
    found = parse(text, RTSP, user=True)
    assert (found.host, found.port, found.user, found.password, found.rest) == (
        host, port, user, password, rest,
    )  # fmt: skip
    assert parse(found.text(), RTSP, user=True) == found
    assert "password" not in repr(found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("10.0.0.1/x", "begin with rtsp:// or rtsps://"),
        ("http://h", "begin with"),
        ("rtsp:/h", "begin with"),
        ("rtsp://", "no host"),
        ("rtsp://:554", "no host"),
        ("rtsp://u:p@", "no host"),
        ("rtsp://u:p@/x", "no host"),
        ("rtsp://:p@h", "without a user name"),
        ("rtsp://h:", "port"),
        ("rtsp://h:0", "port"),
        ("rtsp://h:99999", "port"),
        ("rtsp://h:٣", "port"),
        ("rtsp://h:5x", "port"),
        ("rtsp://2001:db8::1/x", "in [ ]"),
        ("rtsp://[2001:db8::1", "IPv6"),
        ("rtsp://[::1%eth0]", "%"),
        ("rtsp://[::1]554", "IPv6"),
        ("rtsp://10.0.0.256", "no host"),
        ("rtsp://a..b", "no host"),
        ("rtsp://kamera-ä", "xn--"),
        ("rtsp://h/a b", "space"),
        ("rtsp://h/a\n", "control"),
        ("rtsp://u:p%zz@h", "%25"),
        ("rtsp://u:100%@h", "%25"),
        ("rtsp://u:p%FF@h", "UTF-8"),
        ("rtsp://u:p%0A@h", "control"),
        ("rtsp://u:pa#ss@h/x", "# is %23"),
        ("rtsp://u:pa/ss@h/x", "/ is written %2F"),
        ("rtsp://u:pa?ss@h/x", "? is %3F"),
        ("rtsp://h/x#y", "#"),
        (f"rtsp://u:{'x' * MAX_USER}@h", "more than"),
        (f"rtsp://h/{'x' * 2000}", "longer"),
    ],
)
def test_what_is_no_address_says_why(text: str, words: str) -> None:
    """Each fault has its own sentence, with the mend."""
    with pytest.raises(AddressError) as caught:
        parse(text, RTSP, user=True)
    assert words in str(caught.value)


SECRETS = st.text(st.sampled_from("QXZJ#/?[]@:%&\\ üß✓0;\n"), min_size=3, max_size=12)
"""Of letters that no sentence of ours holds in a row, so that what is found can only be the secret."""
PLACES = st.sampled_from(
    ["rtsp://u:{}@h/x", "RTSPS://u:{}@h:99999", "rtsp://u:{}@h:5/{}", "rtsp:/u:{}@h", "u:{}@h/x", "rtsp://{}",
     "{}://h", "rtsp://[{}]", "rtsp://u:{}@[::1", "https://u:{}@h", "https://h:{}", "//u:{}@h"]
)  # fmt: skip


def _pieces(secret: str) -> set[str]:
    """Return the secret's parts of three characters that are not in any sentence of ours by chance."""
    return {
        part
        for part in ("".join(each) for each in zip(secret, secret[1:], secret[2:], strict=False))
        if not part.isspace() and any(letter in "QXZJüß✓" for letter in part)
    }


def _words(text: str) -> list[str]:
    """Return what every user of the validator says of a text."""
    said = []

    def gather(act: object, *kinds: type[Exception]) -> None:
        try:
            act()  # type: ignore[operator]
        except kinds as problem:
            said.append(f"{problem} {getattr(problem, 'hint', '')}")

    gather(lambda: parse(text, RTSP, user=True), AddressError)
    gather(lambda: parse(text, HTTPS, rest=False), AddressError)
    gather(lambda: RtspSettings(url=SecretStr(text)), ValidationError)
    gather(lambda: demand_private(text, Path("ca.pem")), ConfigError)
    gather(lambda: load_settings(state=Path("x"), public_url=text), SettingsError)
    gather(lambda: load_settings(state=Path("x"), webhook={"url": text, "secret": "x" * 32}), SettingsError)
    if "://" in text or "@" in text:
        gather(lambda: source_given(text, None, name="camera"), ConfigError)
    return said


@given(secret=SECRETS, place=PLACES)
@example(secret="QX#ZJ", place="rtsp://u:{}@h/x")
@example(secret="QX[ZJ", place="rtsp://u:{}@h/x")
def test_no_error_repeats_three_characters_of_a_secret(secret: str, place: str) -> None:
    """Whatever is written wherever, each user of the validator has a sentence or an answer, and no traceback."""
    said = " ".join(_words(place.replace("{}", secret)))
    assert not [part for part in _pieces(secret) if part in said]


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=12))
@example(HARD)
def test_any_password_comes_through(password: str) -> None:
    """Put in from a file and read again, a password is the same, whatever it holds."""
    address = parse("rtsp://user@h:8554/x", RTSP, user=True)
    try:
        text = address.text(password)
    except AddressError:
        assert len(password.encode()) * 3 > MAX_USER - 10
        return
    assert parse(text, RTSP, user=True).password == password


@pytest.mark.parametrize(
    ("given_url", "kept"),
    [
        ("https://plates.example.gov", "https://plates.example.gov"),
        ("HTTPS://Plates.Example.gov:8443/", "https://plates.example.gov:8443"),
        ("https://plates.example.gov/alpr", None),
        ("plates.example.gov", None),
        ("https://plates.example.gov?x", None),
        ("https://u:p@plates.example.gov", None),
        ("ftp://plates.example.gov", None),
        ("https://plates.example.gov:99999", None),
    ],
)
def test_the_services_public_url_is_scheme_host_and_port(given_url: str, kept: str | None) -> None:
    """What links and origins are made of; a path or a missing scheme is said at the start."""
    if kept is None:
        with pytest.raises(SettingsError, match="public_url: "):
            load_settings(state=Path("x"), public_url=given_url)
    else:
        assert load_settings(state=Path("x"), public_url=given_url).url == kept


@pytest.mark.parametrize("key", ["database_url", "keys_url"])
@pytest.mark.parametrize(
    ("url", "words"),
    [
        *(
            (f"postgresql+psycopg://u:{secret}@127.0.0.1:1/db", words)
            for secret, words in (
                ("pa#QXZJ", "@ after the host"),
                ("pa/QXZJ", "@ after the host"),
                ("pa?QXZJ", "@ after the host"),
                ("QX@ZJQXZJ", "more than one @"),
                ("100%QXZJ", "a % that is not"),
                ("QX ZJQXZJ", "holds a space"),
            )
        ),
        ("postgresql+psycopg://u:QXZJ@127.0.0.1:99999/db", "a port"),
        ("postgresql+psycopg://u:QXZJ@127.0.0.1:QXZJ/db", "a port"),
        ("postgresql+psycopg://u:QXZJ@127.0.0.1/db?QXZJ=1", "an option behind"),
        *(
            (url, "must begin with sqlite:/// or postgresql")
            for url in ("postgres://u:QXZJ@h/db", "u:QXZJ@h/db")
        ),
        *(
            (url, "must begin with sqlite:/// or postgresql")
            for url in ("mysql://u:QXZJ@h/db", "", "host=h password=QXZJ")
        ),
        *((url, "fourth /") for url in ("sqlite:QXZJ.db", "sqlite://QXZJ.db")),
    ],
)
def test_a_databases_address_that_cannot_be_used_is_said_without_its_secret(
    key: str, url: str, words: str
) -> None:
    """Half a password was looked up as a host's name and repeated; the other forms ended in tracebacks."""
    with pytest.raises(SettingsError, match=f"{key}: .*{words}") as refused:
        load_settings(None, state=Path("x"), **{key: url})
    assert not any(part in str(refused.value) for part in ("QXZ", "XZJ", "ZJQ"))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://u:p%40s%23s@h:5432/db?sslmode=require&connect_timeout=2",
        "postgresql+psycopg://u:" + "x" * 1500 + "@h/db",
        "postgresql+psycopg://u@/db?host=/var/run/postgresql",
        "postgresql+psycopg://u:p@h1,h2:5433/db",
        "postgresql://[::1]:5432/db",
        "sqlite:////srv/state/service.sqlite3",
        "sqlite:///x.db",
    ],
)
def test_a_databases_address_of_any_form_is_kept(url: str) -> None:
    """Sockets, several hosts, long passwords, options."""
    assert load_settings(state=Path("x"), database_url=url).main_database == url


@pytest.mark.parametrize("url", ["postgresql+psycopg://u:QXZJ@127.0.0.1:1/db", "sqlite:///{folder}/a-text"])
def test_a_database_that_cannot_be_used_is_one_sentence(url: str, tmp_path: Path) -> None:
    """Nobody listens, or the file is no database: no traceback, no password."""
    (tmp_path / "a-text").write_text("no database, and long enough to be looked at: " * 20)
    command: list[str | Path] = [
        Path(sys.executable).with_name("alpr-api"),
        "migrate",
        "--state",
        str(tmp_path / "state"),
    ]
    command += ["--database-url", url.format(folder=tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "the database cannot be used" in done.stderr
    assert "Traceback" not in done.stderr
    assert "QXZJ" not in done.stderr


SPOILT = ["pa#QXZJ", "pa/QXZJ", "pa?QXZJ", "pa[QXZJ", "100%QXZJ", "QXZJ"]
BAD_COMMANDS = [
    *([f"rtsp://user:{secret}@127.0.0.1/x"] for secret in ("pa#QXZJ", "QXZJ")),
    ["RTSPS://user@127.0.0.1/x"],
    ["rtsp://127.0.0.1:99999/x"],
    ["user:QXZJ@127.0.0.1/x"],
    ["user:pa/QXZJ@127.0.0.1/x"],
    ["rtsp//user:pa/QXZJ@127.0.0.1/x"],
    ["rtsp://127.0.0.1/user=a_password=QXZJ_channel=1"],
    ["http://user:QXZJ@127.0.0.1/x"],
]


@pytest.mark.parametrize("source", list(itertools.chain(*BAD_COMMANDS)))
def test_a_source_that_cannot_be_used_is_exit_3_without_its_secret(source: str, tmp_path: Path) -> None:
    """`run --source`: one clear line and how to mend it; a password is refused there, whatever its form."""
    box = Department(tmp_path)
    box.publish("ZZ99QQQ")
    config = box.configure('source = { kind = "file", path = "clip.mp4" }')
    done = alpr_edge("run", "--config", str(config), "--source", source)
    assert done.returncode == Exit.CONFIG, done.stderr
    assert "--source" in done.stderr
    assert "Traceback" not in done.stderr
    assert not any(part in done.stdout + done.stderr for part in ("QXZ", "XZJ"))


@pytest.mark.parametrize(
    "table",
    [
        *(
            f'source = {{ kind = "rtsp", url = "rtsp://user:{secret}@127.0.0.1/x" }}'
            for secret in ("pa#QXZJ", "100%QXZJ")
        ),
        'source = { kind = "rtsp", url = "RTSPS://127.0.0.1/x" }',
        'source = { kind = "rtsp", url = "rtsp://127.0.0.1:99999/x" }',
        'source = { kind = "file", path = "rtsp://user:QXZJ@127.0.0.1/x" }',
        'source = { kind = "pictures", paths = ["user:QXZJ@127.0.0.1/x"] }',
        'source = { kind = "rtsp", url = "rtsp://user:a@127.0.0.1/x", password_file = "p" }',
        'source = { kind = "rtsp", url = "rtsp://127.0.0.1/x", password_file = "p" }',
        'source = { kind = "rtsp", url = "rtsp://u@127.0.0.1/x", password_file = "absent" }',
        'source = { kind = "file", path = "x" }\n[department]\nservice_key = "k"\nurl = "department.example"',
        'source = { kind = "file", path = "x" }\n[department]\nservice_key = "k"\nurl = "https://h:99999"',
        'source = { kind = "file", path = "x" }\n[department]\nservice_key = "k"\nurl = "https://u:QXZJ@h"',
    ],
)
def test_a_configured_address_that_cannot_be_used_is_exit_3(table: str, tmp_path: Path) -> None:
    """Whatever reads the file: one sentence of the validator's, no traceback, no part of a secret."""
    config = Department(tmp_path).configure(table)
    done = alpr_edge("run", "--config", str(config))
    assert done.returncode == Exit.CONFIG, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert " at edge/" not in done.stderr, "an uncaught fault is told so"
    assert not any(part in done.stdout + done.stderr for part in ("QXZ", "XZJ"))


@pytest.mark.parametrize("api", ["department.example", "https://u:QXZJ@h:99999/x"])
def test_a_bad_address_for_enrolment_is_exit_3(api: str, tmp_path: Path) -> None:
    """`enrol --api`: one clear line."""
    code = tmp_path / "code"
    code.write_text("x")
    done = alpr_edge("enrol", "--api", api, "--code-file", str(code), "--folder", str(tmp_path / "box"))
    assert done.returncode == Exit.CONFIG, done.stderr
    assert "the department's address" in done.stderr
    assert "QXZ" not in done.stderr


@pytest.mark.parametrize(
    ("content", "mode", "good"),
    [
        (HARD.encode(), 0o600, True),
        (HARD.encode() + b"\n", 0o600, True),
        (HARD.encode() + b"\r\n", 0o400, True),
        (b"a b ", 0o600, True),
        (HARD.encode(), 0o640, False),
        (HARD.encode(), 0o604, False),
        (b"", 0o600, False),
        (b"\n", 0o600, False),
        (b"one\ntwo\n", 0o600, False),
        (b"\xff\xfe", 0o600, False),
        (b"x" * 300, 0o600, False),
    ],
)
def test_a_password_file_holds_one_line_for_its_owner(
    content: bytes,
    mode: int,
    good: bool,  # noqa: FBT001
    tmp_path: Path,
) -> None:
    """The password as it is; a file that others can read, or that holds anything else, is refused by its name."""
    path = tmp_path / "password"
    path.write_bytes(content)
    path.chmod(mode)
    settings = RtspSettings(url=SecretStr("rtsp://user@h/x"), password_file=path)
    if good:
        address = parse(full_address(settings).get_secret_value(), RTSP, user=True)
        assert address.password == content.decode().rstrip("\r\n")
        return
    with pytest.raises(ConfigError) as caught:
        read_password(path)
    assert str(path) in str(caught.value)
    assert caught.value.hint


def test_a_path_is_still_a_path(tmp_path: Path) -> None:
    """Files with an @ or a : in their names are read, when they are there."""
    odd = tmp_path / "a:b@c.mp4"
    odd.touch()
    assert settings_from_text(str(odd)).kind == "file"
    assert settings_from_text("clips/today@noon.mp4").kind == "file"
