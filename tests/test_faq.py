"""The questions and answers say what is so: each leads to a page, and the times kept are those of the code."""

import re
from datetime import timedelta
from pathlib import Path

from api.core.lifecycle import QUALIFYING, SHORTEST, Deadlines, Outcome
from api.core.settings import Retention
from hitonly_core.policy import WINDOW_CEILING

FAQ = (Path(__file__).resolve().parents[1] / "docs" / "faq.md").read_text()
_QUESTION = re.compile(r"^\*\*([^*]+[?.])\*\* (.+?)(?=\n\n\*\*|\n\n## |\Z)", re.MULTILINE | re.DOTALL)


def unshown(page: str) -> list[str]:
    """Return the questions whose answer leads to no page."""
    return [question for question, answer in _QUESTION.findall(page) if "](" not in answer]


def words(kept: timedelta) -> str:
    """Return a time as the page has it."""
    if not kept:
        return "destroyed at once"
    if kept < timedelta(hours=1):
        return f"{kept.total_seconds():.0f} seconds"
    number, unit = (kept.days, "day") if kept.days else (kept.seconds // 3600, "hour")
    return f"{number} {unit}{'s' if number > 1 else ''}"


def test_every_answer_leads_to_the_page_that_shows_it() -> None:
    """A question without a link is named; the control has one."""
    assert len(_QUESTION.findall(FAQ)) > 30
    assert unshown("**Is it so?** Yes.\n\n**And this?** [Yes](a.md)") == ["Is it so?"]
    assert not unshown(FAQ)


def test_the_times_kept_are_those_of_the_code() -> None:
    """The table of what is kept, and for how long, row by row."""
    table = FAQ.partition("<!-- how long: begin -->")[2].partition("<!-- how long: end -->")[0]
    kept = [row[1] for row in re.findall(r"^\| (.+) \| (.+) \|$", table, re.MULTILINE)][1:]
    deadlines = Retention().deadlines()
    assert deadlines == Deadlines()
    (short,) = {SHORTEST[each] for each in (Outcome.STOP, Outcome.SEARCH)}
    (none,) = {SHORTEST[each] for each in (Outcome.NONE, Outcome.RELEASE, Outcome.WRONG_VEHICLE)}
    (long,) = {SHORTEST[each] for each in QUALIFYING}
    times = [WINDOW_CEILING, deadlines.pending, timedelta(0), deadlines.confirmed, none, short, long]
    assert kept[:-1] == [words(each) for each in times]
    assert kept[-1].startswith(words(deadlines.hold))
