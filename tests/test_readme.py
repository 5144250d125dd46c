"""The README says what is so: figures from results, links that lead somewhere, commands that exist."""

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from scripts import figures

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")]


@pytest.mark.parametrize("page", figures.PAGES)
def test_every_figure_is_the_one_in_the_results(page: str) -> None:
    """Figures and the demo's output are those that the script writes from committed files."""
    assert figures.written(page) == (ROOT / page).read_text()


def test_a_row_without_a_figure_is_one_that_the_harness_measures() -> None:
    """A row waits for its figure's first run; a mistyped key would wait for ever, so the code must name it."""
    code = "".join(path.read_text() for path in (ROOT / "benchmarks").rglob("*.py"))
    short = (ROOT / "docs" / "results" / "short.json").read_text()
    waiting = [row.key for row in (*figures.ROWS, *figures.FIRST) if not figures.measured(row)]
    assert not [
        key for key in waiting if f'"{key}"' not in short and f'"{key.partition(".")[2]}"' not in code
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """A relative link or picture of a page is a file of the project."""
    targets = re.findall(r"\]\((?!https?://|#|mailto:)([^)#]+)", page.read_text())
    assert not [target for target in targets if not (page.parent / target).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    """A path in code type that begins with a folder of the project leads to a file or folder of it."""
    folders = "|".join(sorted(path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()))
    named = re.findall(rf"`((?:{folders}|tests|docs|deploy|scripts|training)/[\w./-]+)`", page.read_text())
    assert not [name for name in named if not (ROOT / name).exists()]


@pytest.mark.parametrize("target", ["demo", "test", "bench"])
def test_every_make_target_exists(target: str) -> None:
    """`make TARGET` in the README is a target of the Makefile, from any folder."""
    assert f"make {target}" in README
    command = ["make", "-n", "-C", str(ROOT), target]
    assert subprocess.run(command, capture_output=True, check=False, cwd="/").returncode == 0


@pytest.mark.parametrize(
    ("module", "commands"),
    [
        (
            "edge.cli",
            ["run", "check", "aim", "read", "keygen", "enrol", "setup", "deliver", "models", "receipts"],
        ),
        ("api.cli", ["serve", "migrate", "devices", "audit", "open"]),
        ("hotlist.cli", ["keygen", "add", "approve", "import", "sign", "verify", "cost", "show"]),
    ],
)
def test_every_documented_command_exists(module: str, commands: list[str]) -> None:
    """`--help` of each tool lists the commands that the documents use."""
    command = [sys.executable, "-c", f"from {module} import main; main()", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert not [name for name in commands if not re.search(rf"\b{name}\b", done.stdout)]


@pytest.mark.parametrize("tool", ["edge.cli", "api.cli", "hotlist.cli", "benchmarks.cli"])
def test_every_tool_says_its_version(tool: str) -> None:
    """`--version`: the tool's name and the installed version, on one line."""
    command = [sys.executable, "-c", f"from {tool} import main; main()", "--version"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert re.fullmatch(rf"alpr-\w+ {re.escape(version('hitonly'))}\n", done.stdout)


def test_the_dangerous_command_says_so() -> None:
    """`alpr-edge read`, the only one that prints plates, is called unsafe in its help."""
    command = [sys.executable, "-m", "edge.cli", "read", "--help"]
    assert "Unsafe" in subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_nothing_names_a_foreign_machine() -> None:
    """No file names a path of a developer's machine or says how the work was organised; a control is found."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("needs a git checkout")
    pattern = re.compile(r"/(?:home/\w+|root|work)/[\w.-]+")
    assert pattern.search("see /home/somebody/project"), "the positive control"
    found = []
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if (
            path.suffix in {".py", ".md", ".toml", ".txt", ".json", ".sh", ".js", ".html", ".css", ""}
            and path.is_file()
        ):
            text = path.read_text(errors="ignore")
            found += [name for _ in pattern.finditer(text) if name != "tests/test_readme.py"]
    assert not found
