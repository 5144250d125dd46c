import hashlib
import runpy
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.config import EdgeConfig, load_config
from edge.errors import ConfigError, Exit

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "configuration.md").read_text()
EXAMPLE = PAGE.split("```toml\n")[1].split("```")[0]
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a configuration file and gives its path."""

    def written(text: str) -> Path:
        path = tmp_path / "edge.toml"
        path.write_text(text)
        return path

    return written


def refused(path: Path) -> str:
    """Return the message of the refusal that loading must give."""
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert caught.value.exit_code == Exit.CONFIG
    return str(caught.value)


def test_the_documented_example_loads(write: Write) -> None:
    """The example in docs/configuration.md is a valid configuration, with paths beside the file."""
    path = write(EXAMPLE)
    config = load_config(path)
    assert config.retention.window_seconds == 180
    assert config.storage.spool == path.parent / "spool"


def test_every_key_is_documented() -> None:
    """The page's table is the one the code gives."""
    page = runpy.run_path(str(ROOT / "scripts" / "config_table.py"))["page"]
    assert page(PAGE) == PAGE


def test_every_exit_code_is_documented() -> None:
    """The page lists each exit code of `alpr-edge`, and no other."""
    rows = PAGE.split("## Exit codes")[1].splitlines()
    codes = {
        int(row.split("|")[1]) for row in rows if row.startswith("| ") and row.split("|")[1].strip().isdigit()
    }
    assert codes == {int(code) for code in Exit}


@pytest.mark.parametrize(
    ("seconds", "good"),
    [("0", True), ("180", True), ("179.5", True), ("180.001", False), ("181", False), ("-1", False)],
)
def test_the_window_is_180_seconds_at_most(seconds: str, good: bool, write: Write) -> None:  # noqa: FBT001
    """R1: any value from 0 to 180 is accepted, 181 is refused."""
    path = write(EXAMPLE + f"\n[retention]\nwindow_seconds = {seconds}\n")
    if good:
        assert load_config(path).retention.window_seconds == float(seconds)
    else:
        assert "retention.window_seconds" in refused(path)


def test_an_unknown_key_is_refused_with_the_nearest(write: Write) -> None:
    """A misspelt key does not silently do nothing."""
    message = refused(write(EXAMPLE + "\n[retention]\nwindow_second = 5\n"))
    assert "retention.window_second" in message
    assert "did you mean window_seconds?" in message


@pytest.mark.parametrize("name", ["registration", "agency", "policy_sha256"])
def test_a_box_runs_only_under_a_named_policy(name: str, write: Write) -> None:
    """R18: without registration, agency or policy hash the start is refused, unless it says it is a demo."""
    lines = [line for line in EXAMPLE.splitlines() if not line.startswith(name)]
    assert name in refused(write("\n".join(lines)))
    assert load_config(write("\n".join(lines).replace("[device]", "[device]\ndemo = true"))).device.demo


def test_a_password_is_never_repeated(write: Write) -> None:
    """A camera address that is refused, and one that is accepted, show no password."""
    secret = hashlib.sha256(b"password").hexdigest()
    example = EXAMPLE.replace(', password_file = "camera.password"', "")
    bad = example.replace("rtsp://user@", f"http://user:{secret}@")
    assert secret not in refused(write(bad))
    good = load_config(write(example.replace("rtsp://user@", f"rtsp://user:{secret}@")))
    assert good.cameras[0].source.address.password == secret  # type: ignore[union-attr]
    assert secret not in repr(good)
    assert secret not in good.model_dump_json()


@pytest.mark.parametrize("text", ["", "x = ", "\x00", "[device]\nid = 3", "cameras = []"])
def test_a_broken_file_is_one_clear_error(text: str, write: Write) -> None:
    """Whatever is wrong, the error names the file."""
    assert "edge.toml" in refused(write(text))


def test_an_absent_file_is_one_clear_error(tmp_path: Path) -> None:
    """The error names the file that is not there."""
    assert "nowhere.toml" in refused(tmp_path / "nowhere.toml")


def test_the_example_is_the_whole_of_what_is_needed() -> None:
    """Every required key of the configuration stands in the example."""
    config = EdgeConfig.model_validate(tomllib.loads(EXAMPLE))
    assert [camera.name for camera in config.cameras] == ["north-in"]
