import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from benchmarks import cli
from benchmarks.accuracy.peers import OpenAlpr, Seen
from benchmarks.fixtures import clips
from benchmarks.fixtures.labelled import find
from benchmarks.fixtures.render import RenderSpec, Scene
from benchmarks.harness import report, results
from benchmarks.harness.compare import compare
from benchmarks.harness.comparing import aligned, distance
from benchmarks.harness.hotlist_fixture import Reading
from benchmarks.harness.results import Better, Part, Plot
from benchmarks.harness.runner import Bench, BenchError, Clip, department
from benchmarks.harness.stats import Estimate, median, share
from benchmarks.speed.video import _promises

PLATE = st.text("ABC018", max_size=7)
ENVIRONMENT = {
    "made": "2026-01-01T00:00:00+00:00", "cpu": "a processor", "architecture": "x86_64", "cores": 2,
    "memory_gib": 4,
    "os": "Linux 6", "board": "", "data": [], "python": "3.11",
    "packages": {"numpy": "2"}, "models": {"reader x": "00"},
    "seed": 1, "commit": "abc", "short": False,
    "noise": {"noisy": False, "sentence": "quiet", "samples": 12, "load": 0.1, "ratio": 1.0},
}  # fmt: skip


def made(
    *,
    fps: tuple[float, float, float] = (50, 49, 51),
    hit: float = 1.0,
    passed: bool = True,
    **changes: object,
) -> dict[str, Any]:
    """Return results with one time, one share and one check."""
    part = Part("video", "Speed <on> video", "What was measured.", ["It was fast & good."])
    part.figure("drawn.edge_fps", "speed", Estimate(*fps, 3), "frames/s", Better.HIGHER, machine=True)
    part.figure("hit", "listed plates hit", Estimate(hit, hit - 0.001, hit, 900), "share", Better.HIGHER)
    part.table("A table", ("", "value"), [["this system", "<b>1</b>"]])
    for kind in (Plot.LINES, Plot.STACKED):
        part.plot(kind, f"A plot, {kind}", ("x", "y"), [{"label": "ours", "x": [1, 2], "y": [3, 4]}])
    part.plot(
        Plot.MATRIX,
        "A matrix",
        ("x", "y"),
        [{"label": "n", "x": ["A", "B"], "y": ["A", "B"]}],
        matrix=[[0, 1], [2, 0]],
    )
    part.check("every listed plate is hit once", passed, "none missed")
    return results.assemble(ENVIRONMENT | changes, [part.to_json()])


def external(page: str) -> list[str]:
    """Return what a page would fetch from elsewhere."""
    fetching = r"""\b(?:src|href|data|action|poster)\s*=\s*["']?\s*((?!\#)[^"'\s>]+)"""
    found = re.findall(fetching, re.sub(r'xmlns:?\w*="[^"]*"', "", page))
    return found + re.findall(r"url\(\s*[\"']?((?!#)[^)\"']+)", page) + re.findall(r"@import[^;]*", page)


def test_the_report_needs_nothing_else() -> None:
    """The page fetches nothing: no script, picture, style or font from anywhere; the scan finds planted ones."""
    page = report.html(made())
    assert external(page) == []
    assert "<script" not in page
    assert page.count("<svg") == 3
    plants = (
        '<img src="https://x.example/a.png">',
        "<style>@import 'x.css';</style>",
        '<i style="background:url(https://x.example/b)"></i>',
        "<script src=x.js></script>",
    )
    for planted in plants:
        assert external(page + planted)


def test_the_report_escapes_what_it_shows() -> None:
    """Names and cells are text, never markup."""
    page = report.html(made())
    assert "Speed &lt;on&gt; video" in page
    assert "<b>1</b>" not in page


def test_the_report_says_when_a_promise_broke() -> None:
    """A failed check stands at the top; without one the page says that all passed."""
    assert "The one check passed" in report.html(made())
    assert "1 of 1 checks failed" in report.html(made(passed=False))


def test_results_are_json_of_the_documented_schema(tmp_path: Path) -> None:
    """What was saved is what is loaded; every member is described in docs/benchmarks.md; no NaN gets in."""
    found = made()
    results.save(found, tmp_path / "r.json")
    assert results.load(tmp_path / "r.json") == json.loads(json.dumps(found))
    described = (Path(__file__).parents[1] / "docs" / "benchmarks.md").read_text()
    part = found["parts"]["video"]
    for name in [*found, *found["environment"], *part, *part["figures"][0], *part["checks"][0]]:
        assert f"`{name}`" in described, name
    part = Part("p", "t", "a")
    part.figure("f", "f", share(0, 0), "share")
    assert part.figures[0]["value"] is None


def test_results_of_another_schema_are_refused(tmp_path: Path) -> None:
    """A file of another version is an error, not a comparison of unlike things."""
    (tmp_path / "r.json").write_text('{"schema": 99}')
    with pytest.raises(ValueError, match="schema 99, expected 1"):
        results.load(tmp_path / "r.json")


NOISY = {"noise": ENVIRONMENT["noise"] | {"noisy": True}}  # type: ignore[operator]


@pytest.mark.parametrize(
    ("after", "code"),
    [
        (made(), 0),
        (made(fps=(49, 48, 50)), 0),
        (made(fps=(47, 46, 48)), 0),
        (made(fps=(60, 59, 61)), 0),
        (made(fps=(30, 29, 31)), 1),
        (made(fps=(30, 29, 31), **NOISY), 0),
        (made(fps=(30, 29, 31), cpu="another"), 0),
        (made(hit=0.9), 1),
        (made(hit=0.9, **NOISY), 1),
        (made(hit=0.995), 0),
        (made(passed=False), 1),
        (results.assemble(ENVIRONMENT, []), 1),
    ],
    ids=[
        "same", "within noise", "worse within the limit", "better", "slowed stage", "slowed on a noisy machine",
        "slower machine", "lost hits", "lost hits on a noisy machine", "half a point", "failed check",
        "part gone",
    ],
)  # fmt: skip
def test_compare_fails_on_regressions_only(after: dict[str, Any], code: int, tmp_path: Path) -> None:
    """Exit 1 exactly when something got worse beyond noise and limit, is gone, or a check failed."""
    for name, body in (("a.json", made()), ("b.json", after)):
        results.save(body, tmp_path / name)
    answer = CliRunner().invoke(cli.app, ["compare", str(tmp_path / "a.json"), str(tmp_path / "b.json")])
    assert answer.exit_code == code, answer.output


def test_runs_over_different_data_are_not_compared() -> None:
    """Recall on one folder says nothing about recall on another."""
    with pytest.raises(ValueError, match="different data"):
        compare(made(), made(data=["my/pictures"]))


def test_all_fails_with_a_broken_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`all` writes its report and exits 0 when all is well, 1 when a part's check failed or a baseline is lost."""
    results.save(made(), tmp_path / "base.json")
    monkeypatch.setattr(cli, "load_models", lambda _reading: ())
    for body, code in ((made(), 0), (made(passed=False), 1), (made(hit=0.9), 1)):
        monkeypatch.setattr(
            cli, "PARTS", {"video": lambda _bench, _inputs, body=body: body["parts"]["video"]}
        )
        words = ["all", "--out", str(tmp_path / "out"), "--baseline", str(tmp_path / "base.json")]
        assert CliRunner().invoke(cli.app, words).exit_code == code
        assert (tmp_path / "out" / "index.html").is_file()
        assert results.load(tmp_path / "out" / "results.json")["parts"]["video"]["checks"]


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """A short drawn road."""
    folder = tmp_path_factory.mktemp("road")
    return clips.draw(Bench(reading=_bundled()), folder, RenderSpec(seed=2, seconds=4, traffic=30))


def _bundled() -> Reading:
    return Reading()


@pytest.mark.parametrize("short", [True, False])
def test_the_roads_of_the_sweep_can_be_drawn(short: bool) -> None:  # noqa: FBT001 - a parameter
    """From an empty road to a full one; the lanes carry the traffic of each."""
    roads = clips.sweep(Bench(reading=_bundled(), short=short))
    shares = [Scene(spec).truth.share_with_plate for spec in (roads[0], roads[-1])]
    assert shares == [0.0, 1.0]


def test_a_lost_hit_fails_the_run(road: Clip) -> None:
    """The real edge over a drawn road hits what passes; a listed plate that is not hit fails the check."""
    missing = Clip(road.name, road.path, road.seconds, (*road.plates, "ZZ10ZZZ"))
    with department(missing.plates) as home:
        run = home.run("edge", missing, _bundled())
    assert run["counts"]["reads"] > 0
    good, broken = Part("a", "", ""), Part("b", "", "")
    _promises(good, Clip(road.name, road.path, road.seconds, tuple(run["hit"])), [run])
    _promises(broken, missing, [run])
    assert [check["passed"] for check in good.checks] == [True, True]
    assert [check["passed"] for check in broken.checks] == [True, False]
    leaked = run | {"counts": run["counts"] | {"destroyed": run["counts"]["destroyed"] - 1}}
    _promises(ledger := Part("c", "", ""), missing, [leaked])
    assert not ledger.checks[0]["passed"]


def test_a_run_that_fails_says_so(tmp_path: Path) -> None:
    """A clip that is none, a model that is unknown and a peer that is absent are one clear line and exit 2."""
    (tmp_path / "no.mp4").write_bytes(b"no video")
    with pytest.raises(BenchError, match="not a video"):
        clips.own(tmp_path / "no.mp4")
    with department([]) as home, pytest.raises(BenchError, match="no detector named"):
        home.run("edge", Clip("c", tmp_path / "no.mp4", 1.0), Reading(detector="unknown"))
    with pytest.raises(BenchError, match="no peer named 'other'"):
        cli._peers(["other"])


def test_labelled_folders_in_each_layout(tmp_path: Path) -> None:
    """OpenALPR's text files, a CSV of pictures and a CSV of clips are each told apart and read."""
    for name in ("alpr", "table", "clips"):
        (tmp_path / name).mkdir()
    (tmp_path / "alpr" / "a.jpg").write_bytes(b"")
    (tmp_path / "alpr" / "a.txt").write_text("a.jpg\t10\t20\t30\t40\tab 123\n")
    (tmp_path / "table" / "labels.csv").write_text(
        "image,plate,x,y,w,h\nb.jpg,CD-456,1,2,3,4\nc.jpg,EF789,,,,\n"
    )
    for name in ("table/b.jpg", "table/c.jpg", "clips/d.mp4"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "clips" / "labels.csv").write_text("clip,plate,first_frame,last_frame\nd.mp4,GH012,5,9\n")
    alpr, moving, table = find(tmp_path)
    assert [(one.plate, one.box and one.box.width) for one in alpr.pictures] == [("AB123", 30)]
    assert [(one.plate, one.box is None) for one in table.pictures] == [("CD456", False), ("EF789", True)]
    assert [(one.plate, one.last_frame) for one in moving.clips[0].passes] == [("GH012", 9)]
    with pytest.raises(BenchError, match="no labelled pictures"):
        find(tmp_path / "none")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", "a.jpg\t1\t2\t3\t4\tAB123\na.jpg\t1\t2\tCANARY7", "a.txt, line 2: a field is missing"),
        ("a.txt", "a.jpg\t1\t2\twide\t4\tCANARY7", "a.txt, line 1: a number cannot be read"),
        ("a.txt", "b.jpg\t1\t2\t3\t4\tCANARY7", "a.txt, line 1: b.jpg is not in the folder"),
        ("a.txt", "a.jpg\t1\t2\t0\t4\tCANARY7", "a.txt, line 1: width and height must be above 0"),
        ("labels.csv", "image,plate\na.jpg,CANARY7\na.jpg,CANARY7_?", "line 3: the plate cannot be one"),
        ("labels.csv", "picture,text\na.jpg,CANARY7", "labels.csv, line 1: expected a header"),
        ("labels.csv", "clip,plate,first_frame\na.jpg,CANARY7,1", "line 2: there is no column 'last_frame'"),
        ("labels.csv", "clip,plate,first_frame,last_frame\na.jpg,CANARY7,9,1", "line 2: frames 9 to 1"),
    ],
)  # fmt: skip
def test_a_bad_label_is_named_with_its_line(name: str, content: str, said: str, tmp_path: Path) -> None:
    """A label that cannot be read stops the run with file, line and what is expected; a plate is never repeated."""
    (tmp_path / "a.jpg").write_bytes(b"")
    (tmp_path / name).write_text(content)
    with pytest.raises(BenchError) as caught:
        find(tmp_path)
    assert said in str(caught.value)
    assert "Mend the line" in str(caught.value) or "expected a header" in str(caught.value)
    assert "CANARY7" not in str(caught.value)


def test_a_portable_comparison_judges_no_time(tmp_path: Path) -> None:
    """Against a baseline of another machine a time never fails, a share and a failed check do."""

    def code(after: dict[str, Any]) -> int:
        for name, body in (("a.json", made()), ("b.json", after)):
            results.save(body, tmp_path / name)
        words = ["compare", str(tmp_path / "a.json"), str(tmp_path / "b.json"), "--portable"]
        return CliRunner().invoke(cli.app, words).exit_code

    assert code(made(fps=(5, 4, 6))) == 0
    assert code(made(hit=0.9)) == 1
    assert code(made(passed=False)) == 1
    absent = made()
    absent["parts"]["video"] |= {"figures": [], "checks": [], "left_out": "no camera here"}
    assert code(absent) == 0
    absent["parts"]["video"]["left_out"] = ""
    assert code(absent) == 1


def test_a_short_run_fails_by_no_time(tmp_path: Path) -> None:
    """A timed check fails a full run only; any other check fails both. What was left out is shown, not green."""
    late = made()
    late["parts"]["video"]["checks"] = [{"name": "in time", "passed": False, "detail": "late", "timed": True}]
    assert results.failed_checks(late)
    late["environment"]["short"] = True
    assert not results.failed_checks(late)
    late["parts"]["video"]["left_out"] = "no browser here"
    assert "no browser here" in report.html(late)
    broken = made(passed=False, short=True)
    assert results.failed_checks(broken)
    results.save(late, tmp_path / "r.json")
    keep = runpy.run_path(str(Path(__file__).parents[1] / "scripts" / "keep_results.py"))
    assert {"it is a short run", "Speed <on> video: no browser here"} <= set(keep["faults"](late))
    assert keep["faults"](made()) == []


@given(read=PLATE, stands=PLATE)
def test_alignment_loses_nothing(read: str, stands: str) -> None:
    """An alignment spells both texts, and its cost is a distance: symmetric, zero for equals only."""
    pairs = aligned(read, stands)
    assert ("".join(a for a, _ in pairs), "".join(b for _, b in pairs)) == (read, stands)
    assert distance(read, stands) == distance(stands, read)
    assert (distance(read, stands) == 0) == (read == stands)


def test_intervals() -> None:
    """Wilson's interval is the textbook's; few runs give their range; nothing observed is all of 0 to 1."""
    found = share(9, 10)
    assert (round(found.low, 3), round(found.high, 3)) == (0.596, 0.982)
    assert share(0, 0).high == 1.0
    assert median([3.0, 1.0, 2.0]) == Estimate(2.0, 1.0, 3.0, 3)
    many = median([float(number) for number in range(101)])
    assert 30 < many.low < many.value == 50 < many.high < 70


def test_openalpr_is_read_as_it_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The peer's JSON gives box and text; an answer that is none is no plate, never a crash."""
    corners = [{"x": 10, "y": 20}, {"x": 60, "y": 21}, {"x": 61, "y": 40}, {"x": 11, "y": 39}]
    answer = {"version": 2, "results": [{"plate": "AB123", "confidence": 90.1, "coordinates": corners}]}
    program = tmp_path / "alpr"
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    for body, seen in ((json.dumps(answer), [Seen((10, 20, 61, 40), "AB123")]), ("no plates found", [])):
        program.write_text(f"#!/bin/sh\necho '{body}'\n")
        program.chmod(0o755)
        assert OpenAlpr.installed()
        assert OpenAlpr("us").look(tmp_path / "picture.jpg") == seen


def test_the_hardware_table_says_what_was_measured() -> None:
    """Each measured row of docs/hardware.md has the figures of the results file that it names."""
    docs = Path(__file__).parents[1] / "docs"
    rows = [
        line.split("|")[1:-1]
        for line in (docs / "hardware.md").read_text().splitlines()
        if "| measured" in line
    ]
    assert rows
    for _, _, fps, cpu, file in rows:
        figures = {f["key"]: f for f in results.load(docs.parent / file.strip())["parts"]["video"]["figures"]}
        assert fps.strip() == report.number(figures["video.drawn.edge_fps"])
        assert cpu.strip() == report.number(figures["video.drawn.edge_cpu"])
