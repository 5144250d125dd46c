"""What a trial found, as tables, figure and check of the report."""

from collections import Counter

from benchmarks.forgetting.live_control import Seen, blind
from benchmarks.forgetting.trial import ROLES, Outcome
from benchmarks.harness.results import Better, Part
from benchmarks.harness.stats import Estimate
from benchmarks.patterns.encoded import ENCODED


def report_trial(outcome: Outcome, part: Part) -> None:
    """Add one trial's table, figure and check to the part."""
    name = outcome.trial.name
    part.table(
        f"{name}: occurrences of {outcome.shown - outcome.listed} canaries",
        ["form", "live reads (control)", "memory", "written", "files, logs, receipts"],
        [
            [form, outcome.live_forms[form], outcome.memory[form], outcome.written[form], outcome.files[form]]
            for form in outcome.forms
        ],
    )
    coverage = outcome.coverage
    part.table(
        f"{name}: the search and its controls",
        ["what", "value"],
        [
            ["canaries shown, of them listed", f"{outcome.shown}, {outcome.listed}"],
            ["non-hits seen live and read exactly (control)", outcome.exact],
            ["live at once at most (control)", outcome.live],
            *[[f"planted in {process}, found (control)", f"{outcome.planted_found.get(process, 0)} of {count}"]
              for process, count in outcome.planted.items()],
            ["hits opened with the department's key, seen as ciphertext in the record (control)",
             f"{outcome.hits_opened}, {outcome.hits_traced}"],
            ["hits that the department has stored", outcome.hits_delivered],
            ["patterns looked for", outcome.patterns],
            ["canaries still known", outcome.still_known],
            ["memory searched, MB, in regions", f"{coverage.scanned / 1e6:.0f}, {coverage.regions}"],
            *[[f"not searched: {why}, MB", f"{size / 1e6:.1f}"] for why, size in coverage.skipped.items()],
            *[[f"found in {place}", count] for place, count in sorted(outcome.places.items())],
            ["bytes written, searched", outcome.bytes_written],
            ["calls that write out of the record's sight", outcome.unseen],
            ["files made outside spool, state and trust", outcome.strange_files],
            ["connections", outcome.connections],
            ["bytes in swap", outcome.swapped],
            ["exit code", outcome.exit_code],
            ["receipts hold", "yes" if outcome.receipts_hold else "NO"],
        ],
    )  # fmt: skip
    part.findings.append(_sentence(outcome))
    total = sum(outcome.memory.values()) + sum(outcome.written.values()) + sum(outcome.files.values())
    key = f"{outcome.trial.key}.occurrences"
    part.figure(
        key,
        f"occurrences of canaries, {name}",
        Estimate(total, total, total, outcome.shown),
        "",
        Better.LOWER,
    )
    part.check(
        f"{name}: nothing is found, every control works",
        passed=outcome.forgotten,
        detail=f"{total} occurrences, {_planted(outcome)} planted copies found",
    )


def _sentence(outcome: Outcome) -> str:
    """Say in one sentence what a trial found."""
    canaries = outcome.shown - outcome.listed
    left = f"{outcome.still_known} of {canaries} non-hits could still be found in memory"
    gone = f"none of {canaries} non-hits could be found in memory, in what was written or in what was left"
    clean = not (outcome.memory or outcome.written or outcome.files)
    return (
        f"{outcome.trial.name}: {gone if clean else left}; {outcome.exact} of them were seen "
        f"live and read exactly before, and {_planted(outcome)} planted copies were found."
    )


def report_sight(seen: Seen, forms: frozenset[str], part: Part) -> None:
    """Add in which process each form was found while it was there, and fail where one was not."""
    part.table(
        "Boxes frozen in the middle of traffic: how often each form was found (control)",
        ["form", *ROLES],
        [
            [form, *(seen.get(process, Counter())[form] for process in ROLES)]
            for form in sorted(forms | {ENCODED})
        ],
    )
    missing = blind(seen, forms)
    part.check(
        "every form is seen live in each process in which it can occur",
        passed=not missing,
        detail=f"blind for {'; '.join(missing)}" if missing else f"{len(forms) + 1} forms",
    )


def _planted(outcome: Outcome) -> str:
    return f"{sum(outcome.planted_found.values())} of {sum(outcome.planted.values())}"
