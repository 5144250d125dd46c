"""What a release is made of: bytes that can be made again, what is inside, licences, tags, and the workflows."""

import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from scripts.licences import BEGIN, END, PAGE, packages
from scripts.sbom import FOLDER, PARTS, bill
from tests.box_kit import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def built(out: Path, epoch: str, umask: int = 0o022) -> dict[str, str]:
    """Build wheel and archive of a copy of the tree; return each file's SHA-256."""
    tree = out / "a longer name of a folder" / "tree"
    tree.parent.mkdir(parents=True)
    files = (
        subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
        .stdout.decode()
        .split("\0")
    )
    old = os.umask(umask)
    try:
        for name in filter(None, files):
            if (ROOT / name).is_file() and not name.startswith(("docs/results", "docs/screens", "tests/")):
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                (tree / name).write_bytes((ROOT / name).read_bytes())
        command = [
            sys.executable,
            "-m",
            "hatchling",
            "build",
            "-t",
            "sdist",
            "-t",
            "wheel",
            "-d",
            str(out / "dist"),
        ]
        environment = {
            **os.environ,
            "SOURCE_DATE_EPOCH": epoch,
            "TZ": "Pacific/Apia" if umask != 0o022 else "UTC",
        }
        subprocess.run(command, cwd=tree, env=environment, check=True, capture_output=True)
    finally:
        os.umask(old)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (out / "dist").iterdir()}


def test_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    """Another folder, another file mode mask, another time zone: the same bytes; another time: others."""
    one = built(tmp_path / "one", "1893456000")
    two = built(tmp_path / "two" / "deeper", "1893456000", umask=0o077)
    assert len(one) == 2
    assert one == two
    assert built(tmp_path / "three", "1893542400") != one, "the control: a difference is seen"
    (wheel,) = (tmp_path / "one" / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name.partition(".dist-info/")[2] for name in archive.namelist()}
    assert {
        "licenses/LICENSE",
        "licenses/THIRD-PARTY.md",
        "sboms/edge.cdx.json",
        "sboms/api.cdx.json",
    } <= names


@pytest.mark.parametrize("part", PARTS)
def test_the_bill_of_materials_is_the_locks(part: str) -> None:
    """Each package, version and hash; `scripts/lock.sh` writes it anew."""
    text = (FOLDER / f"{part}.cdx.json").read_text()
    assert text == bill(part), "run `python -m scripts.sbom`"
    lock = (ROOT / "deploy" / f"{part}.lock").read_text()
    components = json.loads(text)["components"]
    assert len(components) == len(re.findall(r"^[a-z0-9._-]+(?:\[.*\])?==", lock, re.MULTILINE)) > 20
    told = {
        each["content"] for component in components for each in component["externalReferences"][0]["hashes"]
    }
    assert told == set(re.findall(r"sha256:([0-9a-f]{64})", lock))


def test_every_package_has_its_licence_on_the_page() -> None:
    """A new dependency gets a line, and one whose licence nobody knows is not passed over."""
    rows = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]
    listed = dict(re.findall(r"^\| `([^`]+)` \| (.*?) \|", rows, re.MULTILINE))
    assert set(listed) == set(packages()), "run `python -m scripts.licences`"
    assert not [name for name, told in listed.items() if told in {"look it up", "not stated", ""}]


def test_the_pictures_behind_the_models_stand_on_the_page() -> None:
    """Every source of training pictures that a model's page names by a licence is named beside the licence."""
    page = PAGE.read_text()
    for model in sorted((ROOT / "docs" / "models").glob("*.md")):
        for name in re.findall(r'"([a-z0-9-]+)"[^\n]*(?:CC BY|MIT)', model.read_text()):
            assert name in page, name


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_one(workflow: Path) -> None:
    """GitHub's own schema takes it; its rights are named; nothing of a stranger's reaches a shell."""
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.github-workflows",
        str(workflow),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    body = yaml.safe_load(workflow.read_text())
    assert body["permissions"] == {"contents": "read"}, "more is asked for by the job that needs it"
    for job in body["jobs"].values():
        for step in job["steps"]:
            assert "${{" not in step.get("run", ""), "a shell gets what it needs by the environment"
            if "uses" in step:
                assert re.fullmatch(r"[\w./-]+@(v\d+|release/v\d+|[0-9a-f]{40})", step["uses"]), step["uses"]


def test_a_wrong_workflow_is_refused(tmp_path: Path) -> None:
    """The positive control of the schema."""
    wrong = tmp_path / "wrong.yml"
    wrong.write_text("on: push\njobs: {one: {steps: [{run: true}]}}\n")
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.github-workflows",
        str(wrong),
    ]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1


def test_what_workflows_run_is_there() -> None:
    """Every script and make target that a workflow names exists."""
    text = "\n".join(path.read_text() for path in WORKFLOWS)
    assert set(re.findall(r"scripts/[\w.]+", text)) == {"scripts/build.sh"}
    assert (ROOT / "scripts" / "build.sh").is_file()
    for target in set(re.findall(r"make ([a-z]+)", text)):
        assert f"\n{target}:" in (ROOT / "Makefile").read_text()


@pytest.mark.parametrize(("tag", "said"), [("v9.9.9", "the tag is"), ("0.1.0", "the tag is")])
def test_a_tag_that_is_not_the_version_makes_no_release(tag: str, said: str, tmp_path: Path) -> None:
    """One number, in pyproject.toml; a tag that says another is refused before anything is built."""
    command = ["sh", "scripts/build.sh", tag, str(tmp_path / "dist")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert said in done.stderr
    assert not (tmp_path / "dist").exists()
