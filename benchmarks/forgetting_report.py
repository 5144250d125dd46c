"""What a trial found, as tables, figure and check of the report."""

from benchmarks.results import Better, Part
from benchmarks.stats import Estimate
from benchmarks.trial import Outcome


def report_trial(outcome: Outcome, part: Part) -> None:
    """Add one trial's table, figure and check to the part."""
    window = f"{outcome.trial.window_s:g} s"
    part.table(
        f"Window {window}: occurrences of {outcome.shown - outcome.listed} canaries",
        ["form", "live reads (control)", "memory", "written", "files, logs, receipts"],
        [
            [form, outcome.live_forms[form], outcome.memory[form], outcome.written[form], outcome.files[form]]
            for form in outcome.forms
        ],
    )
    coverage = outcome.coverage
    part.table(
        f"Window {window}: the search and its controls",
        ["what", "value"],
        [
            ["canaries shown, of them listed", f"{outcome.shown}, {outcome.listed}"],
            ["non-hits seen live and read exactly (control)", outcome.exact],
            ["live at once at most (control)", outcome.live],
            ["planted copies found (control)", f"{outcome.planted_found} of {outcome.planted}"],
            ["hits opened with the department's key, seen as ciphertext in the record (control)",
             f"{outcome.hits_opened}, {outcome.hits_traced}"],
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
    key = f"window_{outcome.trial.window_s:g}.occurrences"
    part.figure(
        key,
        f"occurrences of canaries, window {window}",
        Estimate(total, total, total, outcome.shown),
        "",
        Better.LOWER,
    )
    part.check(
        f"window {window}: nothing is found, every control works",
        passed=outcome.forgotten,
        detail=f"{total} occurrences, {outcome.planted_found} of {outcome.planted} planted copies found",
    )


def _sentence(outcome: Outcome) -> str:
    """Say in one sentence what a trial found."""
    canaries = outcome.shown - outcome.listed
    left = f"{outcome.still_known} of {canaries} non-hits could still be found in memory"
    gone = f"none of {canaries} non-hits could be found in memory, in what was written or in what was left"
    clean = not (outcome.memory or outcome.written or outcome.files)
    return (
        f"Window {outcome.trial.window_s:g} s: {gone if clean else left}; {outcome.exact} of them were seen "
        f"live and read exactly before, and {outcome.planted_found} of {outcome.planted} planted copies were found."
    )
