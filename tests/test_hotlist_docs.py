import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hitonly_core.files import write_durably
from hitonly_core.keys import SealKey, SigningKey
from hotlist import errors
from hotlist.authoring.changes import Kind, Staged
from hotlist.cli import app, main
from hotlist.entry import MAX_DAYS
from hotlist.importers.proposal import Given, propose
from hotlist.signed_list import trust
from hotlist.signed_list.keyset import KeySet, Person

DOCS = Path(__file__).parents[1] / "docs"
FORMAT = (DOCS / "hotlist-format.md").read_text(encoding="utf-8")
GUIDE = (DOCS / "hotlist.md").read_text(encoding="utf-8")


def blocks(heading: str) -> list[str]:
    """Return the indented blocks under a heading of the guide."""
    section = GUIDE.split(f"## {heading}\n")[1].split("\n## ")[0]
    found = re.findall(r"(?:^    .*\n|^\n(?=    ))+", section, re.MULTILINE)
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in found]


def test_the_guides_commands_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever types the guide's commands gets a box that trusts a list."""
    monkeypatch.chdir(tmp_path)
    lines = "".join(blocks("From nothing to a box that alerts")).replace("\\\n", " ").splitlines()
    commands = [words for line in lines if (words := shlex.split(line, comments=True))]
    assert len(commands) >= 10
    for words in commands:
        monkeypatch.setattr("sys.argv", words)
        with pytest.raises(SystemExit) as end:
            main()
        assert not end.value.code, words
    assert (tmp_path / "hot.list").exists()


def test_the_guides_python_works(tmp_path: Path) -> None:
    """The functions that the commands call can be called by a program as the guide says."""
    ann, bob, box = SigningKey.generate(), SigningKey.generate(), SealKey.generate()
    now = datetime.now(UTC)
    values = {"plate": "AB123", "purpose": "warrant", "case_number": "1", "source": "s"}
    names: dict[str, object] = {
        "KeySet": KeySet,
        "Person": Person,
        "Given": Given,
        "propose": propose,
        "Staged": Staged,
        "Kind": Kind,
        "write_durably": write_durably,
        "ann": ann,
        "bob": bob,
        "box": box,
        "now": now,
        "path": tmp_path / "book",
        "target": tmp_path / "list",
        "values": values | {"expires": (now + timedelta(days=30)).isoformat()},
    }
    exec("".join(blocks("From Python")), names)  # noqa: S102 - the guide's own text
    state = trust.TrustedState("nh-test", KeySet(1, (Person("ann", ann.public),)))
    accepted = trust.accept((tmp_path / "list").read_bytes(), device_key=box, trusted=state, now=now)
    assert list(accepted.list.entries.plates()) == ["AB123"]


def test_the_steps_are_the_same_in_the_code_and_on_the_page() -> None:
    """Thirteen steps, the same numbers, and every exact error is on the page and nothing else."""
    in_code = re.findall(r"^(\d+)\. ", trust.__doc__ or "", re.MULTILINE)
    section = FORMAT.split("## Verification")[1].split("\n## ")[0]
    assert re.findall(r"^(\d+)\. ", section, re.MULTILINE) == in_code == [str(n) for n in range(1, 14)]
    kinds = {kind.__name__ for kind in errors.ListError.__subclasses__()}
    assert set(re.findall(r"`(\w+Error)`", section)) == kinds


def test_the_pages_tables_are_the_codes() -> None:
    """Longest lives and exit codes on the pages are those in the code."""
    for purpose, days in MAX_DAYS.items():
        assert re.search(rf"`{purpose.value}` \| {days} \|", FORMAT)
    codes = dict(re.findall(r"^\| (\d) \| (.+) \|$", GUIDE, re.MULTILINE))
    assert set(codes) == {str(code.value) for code in errors.Exit if code is not errors.Exit.FAULT}


def test_every_command_has_a_help_text() -> None:
    """Each command says what it does, and each of the issue's commands is there."""
    commands = {command.name or command.callback.__name__: command for command in app.registered_commands}  # type: ignore[union-attr]
    wanted = "keygen add edit cancel approve import export sign countersign verify diff cost show".split()  # noqa: SIM905
    assert set(wanted) <= set(commands)
    assert all(command.callback and command.callback.__doc__ for command in commands.values())
