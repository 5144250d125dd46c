"""Shell completion of every tool: a script for each shell, and what a real bash then offers."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from edge.start import COMPLETE
from hitonly_core.version_option import asks_for

BIN = Path(sys.executable).parent
TOOLS = ("alpr-edge", "alpr-api", "alpr-hotlist", "alpr-bench")


@cache
def script(tool: str, shell: str) -> str:
    """Return what a tool prints for a shell."""
    command = [str(BIN / tool), "--completion", shell]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def offered(tool: str, *words: str) -> list[str]:
    """Return what bash offers at the end of a line, by the tool's own script and the tool itself."""
    line = " ".join(f"'{word}'" for word in (tool, *words))
    function = script(tool, "bash").split("complete -o default -F ")[1].split()[0]
    ask = (
        f'COMP_WORDS=({line}); COMP_CWORD={len(words)}; {function} {tool}; printf "%s\\n" "${{COMPREPLY[@]}}"'
    )
    done = subprocess.run(
        ["bash", "-c", f"{script(tool, 'bash')}\n{ask}"],
        env={"PATH": f"{BIN}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("tool", TOOLS)
def test_each_tool_has_a_script_for_each_shell(tool: str) -> None:
    """It names the tool and the variable by which it asks; bash reads its own without a complaint."""
    for shell in ("bash", "zsh", "fish"):
        text = script(tool, shell)
        assert tool in text
        assert asks_for(tool) in text
        if shell == "bash" or shutil.which(shell):
            subprocess.run([shell, "-n"], input=text, text=True, check=True)


@pytest.mark.parametrize(
    ("tool", "words", "found"),
    [
        ("alpr-edge", ("ai",), ["aim"]),
        ("alpr-edge", ("receipts", ""), ["verify"]),
        ("alpr-edge", ("check", "--js"), ["--json"]),
        ("alpr-api", ("backup",), ["backup", "backup-key"]),
        ("alpr-hotlist", ("ver",), ["verify"]),
    ],
)
def test_bash_offers_commands_and_options(tool: str, words: tuple[str, ...], found: list[str]) -> None:
    """What begins like the last word, from the tool's own commands."""
    assert sorted(offered(tool, *words)) == sorted(found)


def test_the_box_never_runs_a_command_for_a_shell_that_asks(tmp_path: Path) -> None:
    """With the variable set, whatever it holds, no command is run: it is no way around the new start."""
    assert asks_for("alpr-edge") == COMPLETE
    for value in ("complete_bash", "source_bash", "anything", "run_now"):
        command = [str(BIN / "alpr-edge"), "keygen", str(tmp_path / "keys")]
        subprocess.run(command, env={COMPLETE: value, "PATH": "/usr/bin"}, capture_output=True, check=False)
        assert not (tmp_path / "keys").exists(), value
    subprocess.run(command, env={COMPLETE: "", "PATH": "/usr/bin"}, capture_output=True, check=True)
    assert (tmp_path / "keys").exists(), "the control"
