"""Two runs held against each other: everything that left them, in the order in which it left, must be equal."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, zip_longest

from benchmarks.differential.outflow import Call, Outflow
from benchmarks.differential.outflow_rules import Keys, Rules

_SLACK_S = 2.0
_TICK_S = 0.01
"""A file's time goes in the steps of the kernel's timer."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it should be; says where and of what kind, never what stands there."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(slots=True)
class Told:
    """What one run told, as far as two runs of a box must tell the same.

    Attributes:
        calls: in order: (call, target, arguments and content); by process and thread. Of a run at the clip's own
            pace by process and target: which thread comes first to a new list is a matter of load.
        looked: names asked for, by process and call.
        left: files by name: (mode, content).
        changed: when each of the files left was changed last; empty for a run at the clip's own pace.
        rules: what was replaced, and what did not have the form that its rule says.
        at: times of `calls`, seconds from the moment at which the box began to read.
        exit_code: of the edge.
    """

    calls: dict[str, list[tuple[str, str, str]]]
    looked: set[tuple[str, str, str]]
    left: dict[str, tuple[int, str]]
    changed: dict[str, float]
    rules: Rules
    at: dict[str, list[float]]
    exit_code: int


def told(run: Outflow, keys: Keys, *, loaded: bool = False, counted: bool = True) -> Told:
    """Apply the rules to a run.

    Args:
        run: what left it.
        keys: the device's and the department's.
        loaded: whether the run went at the clip's own pace: rule "load".
        counted: whether as many reads are made as in the run it is held against; else rule "counts" applies.
    """
    rules = Rules(keys, run, loaded=loaded, counted=counted)
    calls: dict[str, list[tuple[str, str, str]]] = {}
    at: dict[str, list[float]] = {}
    for call in run.calls:
        plain = _plain(call, rules)
        process = call.who.rpartition(" ")[0]
        line = f"{process}, {plain[1] or plain[0]}" if loaded else call.who
        calls.setdefault(line, []).append(plain)
        at.setdefault(line, []).append(call.at - run.reading_at)
    left = {}
    for name, file in run.left.items():
        if not run.started - _SLACK_S <= file.changed <= run.ended + _SLACK_S:
            rules.faults.append(f"wall clock: {rules.path(name)} was not changed during the run")
        replay = Call("", "", f"/{name}", "", file.content)
        if name.endswith("/receipts.jsonl"):
            rules.restart_chain()
        content = rules.envelope(file.content) if name.endswith(".hit") else rules.content(replay)
        left[rules.path(name)] = (file.mode, content)
    looked = {(who, name, rules.unnumbered(path)) for who, name, path in run.looked}
    changed = {} if loaded else {rules.path(name): file.changed for name, file in run.left.items()}
    return Told(calls, looked, left, changed, rules, at, run.exit_code)


def compare(one: Told, other: Told) -> list[Difference]:
    """Return every difference between two runs that must be equal; times are not looked at."""
    return [
        *_compare_calls(one.calls, other.calls),
        *_compare_sets("names looked at", one.looked, other.looked),
        *_compare_files(one.left, other.left),
        *_compare_order(one.changed, other.changed),
        *(
            [Difference("exit code", f"{one.exit_code} and {other.exit_code}")]
            if one.exit_code != other.exit_code
            else []
        ),
    ]


def compare_times(one: Told, other: Told, step_s: float) -> list[Difference]:
    """Return calls after the beginning of the traffic that came more than `step_s` earlier or later."""
    found = []
    for who in sorted(one.at.keys() & other.at.keys()):
        for place, (a, b) in enumerate(zip(one.at[who], other.at[who], strict=False)):
            if max(a, b) > 0 and abs(a - b) > step_s:
                what = f"{one.calls[who][place][0]} came {abs(a - b):.1f} s apart"
                found.append(Difference(f"{who}, call {place}", what))
                break
    return found


def faults(runs: Sequence[Told]) -> list[Difference]:
    """Return fields without their rule's form, and random values that came twice."""
    found = [Difference("rule", fault) for run in runs for fault in run.rules.faults]
    times = Counter(value for run in runs for value in run.rules.drawn)
    return [*found, *(Difference("rule", f"{rule}: came twice") for (rule, _), n in times.items() if n > 1)]


def _plain(call: Call, rules: Rules) -> tuple[str, str, str]:
    target = rules.path(call.target)
    words = rules.path(call.words)
    return call.name, target, f"{words} {rules.content(call)}" if call.data else words


def _compare_calls(
    one: Mapping[str, Sequence[tuple[str, str, str]]], other: Mapping[str, Sequence[tuple[str, str, str]]]
) -> Iterator[Difference]:
    """Yield the first difference of each thread's calls, and of each target's."""
    for who in sorted(one.keys() | other.keys()):
        pairs = zip_longest(one.get(who, ()), other.get(who, ()))
        for place, (a, b) in enumerate(pairs):
            if a != b:
                yield Difference(f"{who}, call {place}", _what(a, b))
                break


def _what(a: tuple[str, str, str] | None, b: tuple[str, str, str] | None) -> str:
    if a is None or b is None:
        return f"{(a or b or ('',))[0]} in one run only"
    if a[0] != b[0]:
        return f"{a[0]} in one run, {b[0]} in the other"
    if a[1] != b[1]:
        return f"{a[0]} to another target"
    return f"{a[0]} to {a[1] or 'no file'}: {len(a[2])} and {len(b[2])} characters, not the same"


def _compare_sets(
    where: str, one: set[tuple[str, str, str]], other: set[tuple[str, str, str]]
) -> Iterator[Difference]:
    for (who, name), count in sorted(Counter(each[:2] for each in one ^ other).items()):
        yield Difference(where, f"{who}: {count} of {name} in one run only")


def _compare_order(one: Mapping[str, float], other: Mapping[str, float]) -> Iterator[Difference]:
    """Yield whether two files were changed in one order, and in the other run in the other."""
    names = sorted(one.keys() & other.keys())
    for a, b in combinations(names, 2):
        if (one[a] - one[b]) * (other[a] - other[b]) < 0 and min(
            abs(one[a] - one[b]), abs(other[a] - other[b])
        ) > _TICK_S:
            yield Difference("files left", f"{a} and {b} changed in another order")


def _compare_files(
    one: Mapping[str, tuple[int, str]], other: Mapping[str, tuple[int, str]]
) -> Iterator[Difference]:
    for name in sorted(one.keys() | other.keys()):
        a, b = one.get(name), other.get(name)
        if a is None or b is None:
            yield Difference("files left", "one that only one run left")
        elif a != b:
            parts = [part for part, x, y in zip(("mode", "content"), a, b, strict=True) if x != y]
            yield Difference(f"files left, {name}", f"another {', '.join(parts)}")
