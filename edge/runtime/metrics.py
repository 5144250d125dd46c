"""Numbers for Prometheus, on a port that only this machine reaches.

What does not change when a vehicle passes is told as it is. What does is told in the receipts' steps only
(`edge.runtime.road_figures`). Prometheus' own numbers of the process, its processor time among them, are left out:
they would tell each vehicle. A label's value is one of a closed set: the configuration's cameras, and fixed words.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from edge.capture.base import State
from edge.department.list_watch import ListState
from edge.errors import ConfigError
from edge.runtime.camera_watch import QUIET

if TYPE_CHECKING:
    from edge.runtime.box import Box

LOOPBACK: Final = "127.0.0.1"
CAMERA_STATES: Final = (*(state.value for state in State), QUIET)
_PATIENCE_S: Final = 5.0
"""One request at a time; whoever sends nothing for so long is hung up on."""


class EdgeCollector(Collector):
    """Reads a box's numbers at each scrape."""

    def __init__(self, box: "Box") -> None:
        self._box = box

    def collect(self) -> Iterable[Metric]:
        """Yield every metric."""
        yield from self._of_the_road()
        yield from self._of_cameras()
        yield from self._of_the_list()
        yield from self._of_hits()
        box = self._box
        yield _gauge("retention_kept", "Whether no read outlived the window in this run", box.window.kept)
        yield _gauge("receipts_refused", "Whether the disk refused the last receipt", box.account.silent)
        yield _gauge("hot", "Whether the board was too hot for five minutes", box.heat.hot)
        yield _gauge("throttled", "Whether the board was slowed down for five minutes", box.heat.throttled)
        yield _gauge("unprotected", "Measures that are not in force", len(box.ledger.run.refused))

    def _of_the_road(self) -> Iterable[Metric]:
        """Yield what changes with vehicles, as of the last receipt."""
        told = self._box.figures.told
        reads = CounterMetricFamily(
            "hitonly_edge_reads", "What became of reads, as of the last receipt", labels=["what"]
        )
        for what in ("reads", "hits", "destroyed"):
            reads.add_metric([what], getattr(told.counts, what))
        yield reads
        pictures = CounterMetricFamily(
            "hitonly_edge_pictures",
            "Pictures that the detector looked at or was spared, as of the last receipt",
            labels=["camera", "what"],
        )
        for name in (each.camera.name for each in self._box.pipelines):
            pictures.add_metric([name, "looked"], told.looked.get(name, 0))
            pictures.add_metric([name, "skipped"], told.skipped.get(name, 0))
        yield pictures
        seconds = CounterMetricFamily(
            "hitonly_edge_stage_seconds", "Time spent in a stage, as of the last receipt", labels=["stage"]
        )
        turns = CounterMetricFamily(
            "hitonly_edge_stage_turns", "How often a stage ran, as of the last receipt", labels=["stage"]
        )
        for stage in told.seconds:
            seconds.add_metric([stage], told.seconds[stage])
            turns.add_metric([stage], told.turns[stage])
        yield seconds
        yield turns
        late = "The latest destruction after its deadline, as of the last receipt"
        yield _gauge("purge_late_seconds", late, told.late_seconds)
        if told.celsius is not None:
            warm = "The highest temperature of the last receipt's steps, in steps of 5"
            yield _gauge("temperature_celsius", warm, told.celsius)

    def _of_cameras(self) -> Iterable[Metric]:
        """Yield each camera's state: 1 for the one it is in."""
        family = GaugeMetricFamily(
            "hitonly_edge_camera_state", "The state that a camera is in", labels=["camera", "state"]
        )
        for name, found in self._box.camera_states().items():
            for state in CAMERA_STATES:
                family.add_metric([name, state], found.word == state)
        yield family

    def _of_the_list(self) -> Iterable[Metric]:
        """Yield the hot list's version, age and whether it may alert."""
        lists = self._box.lists
        yield _gauge("list_version", "Version of the hot list in use; 0 for none", lists.version)
        yield _gauge("list_fresh", "Whether the hot list may alert", lists.state is ListState.FRESH)
        age = lists.age
        if age is not None:
            text = "Time since the hot list was issued, or stated to be current"
            yield _gauge("list_age_seconds", text, age / timedelta(seconds=1))
        yield CounterMetricFamily(
            "hitonly_edge_lists_refused", "Lists not trusted in this run", value=lists.refused
        )

    def _of_hits(self) -> Iterable[Metric]:
        """Yield the hits that wait."""
        spool = self._box.spool
        yield _gauge("spool_hits", "Sealed hits that wait on the spool", sum(1 for _ in spool.pending()))
        yield _gauge(
            "spool_refused_hits", "Hits that the department refused", sum(1 for _ in spool.refused())
        )
        yield _gauge("spool_unwritten_hits", "Hits that no disk takes", spool.unwritten)


@contextmanager
def serving_metrics(box: "Box", port: int) -> Iterator[None]:
    """Answer Prometheus on loopback while the block runs.

    Raises:
        ConfigError: the port is taken, or may not be used.
    """
    registry = CollectorRegistry()
    registry.register(EdgeCollector(box))
    try:
        server = make_server(
            LOOPBACK, port, make_wsgi_app(registry, disable_compression=True), _Server, _Handler
        )
    except OSError as problem:
        hint = "Choose another metrics.port."
        raise ConfigError(f"metrics.port {port} cannot be used: {problem.strerror}", hint=hint) from None
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(WSGIServer):
    """Says nothing of a request that failed: a traceback would be the only other word."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Do nothing."""


class _Handler(WSGIRequestHandler):
    """Writes no line for each request, and waits for none that does not come."""

    timeout = _PATIENCE_S

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - the library's name
        """Do nothing."""


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"hitonly_edge_{name}", text, value=value)
