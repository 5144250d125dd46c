"""Prometheus' numbers of a unit: no plate, no time of a vehicle; and rules that know their names."""

import json
import re
import socket
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.core.service import open_service
from api.core.settings import Settings
from api.oversight.metrics import ServiceCollector
from benchmarks.fixtures.render import RenderSpec, render
from edge.config import load_config
from edge.errors import ConfigError
from edge.pipeline.loop import Tally
from edge.pipeline.stages import STAGES, Stages
from edge.runtime.box import Box, Listener
from edge.runtime.heat import SUSTAINED_NS, Heat, firmware_slows, temperature
from edge.runtime.metrics import CAMERA_STATES, serving_metrics
from edge.runtime.road_figures import DEGREES, RoadFigures
from hitonly_core.clock import NS
from tests.box_kit import ROOT, Department
from tests.child import in_a_child
from tests.test_receipts_attack import HOUR, OneClock, Pass, SimulatedBox

DEPLOY = ROOT / "deploy"
WORDS = {
    "what": {"reads", "hits", "destroyed", "looked", "skipped"},
    "stage": set(STAGES),
    "state": set(CAMERA_STATES),
    "camera": {"north"},
}
"""Every label that there may be, with every value."""


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def scrape(port: int) -> str:
    """Ask as Prometheus does."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


def strange(text: str, plates: list[str]) -> list[str]:
    """Return what may not be in an answer: a plate anywhere, a label or a value of none of the closed sets."""
    found = [plate for plate in plates if plate in text.upper()]
    for family in text_string_to_metric_families(text):
        if not family.name.startswith("hitonly_edge_"):
            found.append(family.name)
        for sample in family.samples:
            found += [
                f"{name}={value}"
                for name, value in sample.labels.items()
                if value not in WORDS.get(name, set())
            ]
    return found


def watch_a_unit(folder: str, clip: str, plates: str) -> None:
    """Run a unit over a road with hits and others, and ask it at every few turns."""
    department = Department(Path(folder))
    listed, *_ = known = plates.split()
    department.publish(listed)
    port = free_port()
    config = department.configure(
        f'source = {{ kind = "file", path = {json.dumps(clip)} }}', f"[metrics]\nport = {port}\n"
    )
    answers: list[str] = []

    def turn(box: Box) -> None:
        if box.pipelines[0].tally.watched % 5 == 1:
            answers.append(scrape(port))

    summary = Box.assemble(load_config(config), listener=Listener(turn=turn)).run()
    assert summary.counts.reads > 2
    assert summary.counts.hits > 0
    assert len(answers) > 5
    for answer in answers:
        assert strange(answer, known) == []
    values = {
        sample.name for family in text_string_to_metric_families(answers[-1]) for sample in family.samples
    }
    assert {"hitonly_edge_list_age_seconds", "hitonly_edge_camera_state"} <= values
    moving = [re.sub(r"(?m)^.*(list_age|spool_hits|camera_state).*\n", "", answer) for answer in answers]
    assert set(moving) == {moving[0]}, "within a step nothing changes, whatever passes"
    assert "hitonly_edge_spool_hits 0.0" in answers[0]
    assert "hitonly_edge_spool_hits 0.0" not in answers[-1], "the control: what may change does"
    with pytest.raises(OSError, match="refused"):
        scrape(port)


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Render a few seconds of road."""
    path = tmp_path_factory.mktemp("clip") / "road.mp4"
    truth = render(RenderSpec(seed=7, seconds=8, traffic=30), path)
    return path, [each.plate for each in truth.passes]


def test_a_running_unit_tells_no_plate_and_no_vehicle(road: tuple[Path, list[str]], tmp_path: Path) -> None:
    """Real plates pass, one of them listed: every answer holds fixed words only, and stays the same."""
    clip, plates = road
    in_a_child(watch_a_unit, str(tmp_path), str(clip), " ".join(plates))


@pytest.mark.parametrize(
    "line",
    [
        'hitonly_edge_reads_total{what="AB12CDE"} 1.0\n',
        'hitonly_edge_reads_total{plate="x"} 1.0\n',
        "process_cpu_seconds_total 1.0\n",
        'hitonly_edge_camera_state{camera="north",state="AB12 CDE seen"} 1.0\n',
    ],
)
def test_what_may_not_be_told_is_found(line: str) -> None:
    """The positive control of the search."""
    assert strange(line, ["AB12CDE"])
    assert not strange('hitonly_edge_reads_total{what="hits"} 1.0\n', ["AB12CDE"])


def test_the_numbers_are_for_this_machine_only_and_a_taken_port_is_said(tmp_path: Path) -> None:
    """Other addresses of the machine do not answer; a port in use is an error that names the key."""
    port = free_port()
    box = cast("Box", SimpleNamespace())
    with serving_metrics(box, port):
        other = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=False).stdout.split()
        for address in [each for each in other if ":" not in each][:1]:
            with socket.socket() as probe:
                assert probe.connect_ex((address, port)) != 0
        with pytest.raises(ConfigError, match=r"metrics\.port"), serving_metrics(box, port):
            pass
    code = "import sys, edge.runtime.box; print('prometheus_client' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False", "nothing is loaded where it is not asked for"
    del tmp_path


@dataclass
class Board:
    """A simulated box, whose detector works and warms up with each vehicle."""

    box: SimulatedBox
    tally: Tally = field(default_factory=Tally)
    stages: Stages = field(default_factory=Stages)
    celsius: float = 41.0

    def __post_init__(self) -> None:
        pipeline: Any = SimpleNamespace(
            camera=SimpleNamespace(name="north"), tally=self.tally, stages=self.stages
        )
        self.heat = Heat(self.box.clock, lambda: self.celsius, lambda: None)
        self.figures = RoadFigures([pipeline], self.box.window, self.box.account, self.heat)

    def run(self, passes: list[float], until: int) -> list[tuple[int, str]]:
        """Let vehicles pass; return each change of what is told, with the second that it came in."""
        seen: list[tuple[int, str]] = []
        todo = sorted(passes)
        for second in range(0, until, 5):
            self.celsius = 41.0
            while todo and todo[0] <= second:
                self.box.take(Pass(todo.pop(0)))
                self.tally.looked += 9
                self.stages.spent_ns["detect"] += NS
                self.stages.turns["detect"] += 9
                self.celsius = 58.0
            self.tally.watched += 50
            self.box.turn()
            self.heat.turn()
            self.figures.turn()
            told = repr(self.figures.told)
            if not seen or seen[-1][1] != told:
                seen.append((second, told))
            self.box.clock.now += 5 * NS
        return seen


def test_what_a_vehicle_changes_is_told_with_receipts_only(tmp_path: Path) -> None:
    """One vehicle elsewhere in its step changes nothing that can be seen; a lonely one is told after a day."""
    crowd = [100.0 + 60 * number for number in range(25)]
    seen = []
    for name, lonely in (("one", 2 * HOUR + 300.0), ("two", 2 * HOUR + 2900.0)):
        folder = tmp_path / name
        folder.mkdir()
        seen.append(Board(SimulatedBox(folder)).run([*crowd, lonely], 27 * HOUR))
    assert seen[0] == seen[1]
    times = [second for second, _ in seen[0]]
    assert len(times) == 3, "at the start, after the crowd's step, and after a day"
    assert times[1] > HOUR
    assert times[2] > 24 * HOUR
    assert "'north': 225" in seen[0][1][1]
    assert "'north': 234" in seen[0][2][1]
    assert "celsius=60" in seen[0][1][1], f"58 degrees in steps of {DEGREES}"


def test_heat_is_told_when_it_lasts() -> None:
    """A detector's burst is not told; five minutes without a break are, and their end is."""
    clock = OneClock(100 * NS)
    found = {"celsius": 85.0, "slow": False}
    heat = Heat(clock, lambda: found["celsius"], lambda: bool(found["slow"]))

    def wait(seconds: int) -> None:
        for _ in range(0, seconds, 10):
            heat.turn()
            clock.now += 10 * NS
        heat.turn()

    def told() -> tuple[bool, bool, int]:
        return heat.hot, heat.throttled, len(heat.worries)

    wait(290)
    assert told() == (False, False, 0)
    found["celsius"] = 60.0
    wait(10)
    found["celsius"] = 85.0
    wait(SUSTAINED_NS // NS - 10)
    assert told() == (False, False, 0), "there was a break"
    wait(20)
    assert told() == (True, False, 1)
    found["celsius"], found["slow"] = 60.0, True
    wait(320)
    assert told() == (False, True, 1)
    assert heat.take() == 85.0
    assert heat.take() is None


@pytest.mark.parametrize("soc", ["soc/soc:firmware", "soc@107c000000/soc@107c000000:firmware"])
def test_the_boards_files_are_read_as_they_are(soc: str, tmp_path: Path) -> None:
    """Thousandths of degrees; the firmware's word in hexadecimal, of which the low bits are about now."""
    for name, text in (("thermal_zone0", "47123\n"), ("thermal_zone1", "51000\n"), ("thermal_zone2", "x")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "temp").write_text(text)
    assert temperature(tmp_path) == 51.0
    assert temperature(tmp_path / "none") is None
    word = tmp_path / soc / "get_throttled"
    assert firmware_slows(tmp_path) is None
    word.parent.mkdir(parents=True)
    for text, slow in (("0\n", False), ("50000\n", False), ("50005\n", True)):
        word.write_text(text)
        assert firmware_slows(tmp_path) is slow


def told_names(tmp_path: Path) -> set[str]:
    """Return every name that a service and a unit tell."""
    service = open_service(Settings(state=tmp_path / "state"))
    names = {sample.name for family in ServiceCollector(service).collect() for sample in family.samples}
    service.close()
    source = (ROOT / "edge" / "runtime" / "metrics.py").read_text()
    edge = {f"hitonly_edge_{name}" for name in re.findall(r'_gauge\(\s*"([a-z_]+)"', source)}
    counters = set(re.findall(r'CounterMetricFamily\(\s*"([a-z_]+)"', source))
    return (
        names
        | edge
        | {f"{name}_total" for name in counters}
        | set(re.findall(r'GaugeMetricFamily\(\s*"([a-z_]+)"', source))
        | {"hitonly_events_total", "hitonly_hits"}
    )


def test_rules_and_dashboard_name_what_is_told(tmp_path: Path) -> None:
    """Every name in them is one that the programs tell, and every number is shown or alerted on."""
    names = told_names(tmp_path)
    assert {"hitonly_edge_reads_total", "hitonly_edge_hot", "hitonly_audit_cut"} <= names
    rules = (DEPLOY / "prometheus" / "alerts.yml").read_text()
    board = (DEPLOY / "grafana" / "hitonly.json").read_text()
    expressions = re.findall(r"expr: (.*)", rules) + [
        target["expr"] for panel in json.loads(board)["panels"] for target in panel["targets"]
    ]
    used = set(re.findall(r"hitonly_[a-z_]+", " ".join(expressions)))
    assert used <= names, used - names
    assert names <= used, names - used


@pytest.mark.system("/usr/bin/promtool")
def test_promtool_takes_the_rules_and_they_fire() -> None:
    """Syntax, and the rules tried over made series: they fire when they ought to, and not before."""
    folder = DEPLOY / "prometheus"
    for command in (
        ["check", "rules", "alerts.yml"],
        ["check", "config", "prometheus.yml"],
        ["test", "rules", "alerts.test.yml"],
    ):
        done = subprocess.run(["promtool", *command], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.system("/usr/bin/promtool")
def test_promtool_takes_what_a_unit_tells(road: tuple[Path, list[str]], tmp_path: Path) -> None:
    """The text format, names, units and help texts, as `promtool check metrics` wants them."""
    in_a_child(lint_a_unit, str(tmp_path), str(road[0]))


def lint_a_unit(folder: str, clip: str) -> None:
    """Run a unit, ask it once, and have the answer checked."""
    department = Department(Path(folder))
    department.publish("ZZ99QQQ")
    port = free_port()
    source = f'source = {{ kind = "file", path = {json.dumps(clip)} }}'
    config = department.configure(source, f"[metrics]\nport = {port}\n")
    answers: list[str] = []

    def turn(_box: Box) -> None:
        if not answers:
            answers.append(scrape(port))

    Box.assemble(load_config(config), listener=Listener(turn=turn)).run()
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=answers[0], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
