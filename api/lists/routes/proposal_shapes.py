"""How a proposal looks as JSON: who, what, how many, what an import would do; never a plate."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from api.lists.proposals import Batch


class Refusal(BaseModel):
    """Why rows were refused, and how many."""

    reason: Annotated[str, Field(examples=["no expiry"])]
    rows: int


class DryRun(BaseModel):
    """What an imported file would do, and what the whole list would then cost."""

    rows: int
    added: int
    changed: int
    unchanged: int
    refused: int
    immigration: Annotated[int, Field(description="of the refused: rows of an immigration file or purpose")]
    reasons: list[Refusal]
    doubts: Annotated[
        list[Refusal], Field(description="rows that were read and that a person should look at")
    ]
    heavy: Annotated[
        int,
        Field(description="plates of the list that take more than a tenth of the budget of false hits, each"),
    ]
    unread: Annotated[list[str], Field(description="letters of the columns whose names no field has")]
    plates: int
    false_hits_per_day: Annotated[float, Field(description="predicted, at one camera")]
    passes_per_day: float


class ProposalShown(BaseModel):
    """What waits for another person's approval, or a dry run that was not put forward yet."""

    id: Annotated[str, Field(examples=["01b8d3c2f1e05f0c2a9d"])]
    author: str
    what: Annotated[str, Field(examples=["new entry", "change of an entry", "import of feed.csv"])]
    draft: bool
    at: datetime
    entries: int
    dry_run: DryRun | None


def shown(batch: Batch) -> ProposalShown:
    """Return a batch as JSON."""
    report = batch.report
    dry_run = None
    if report:
        reasons = [Refusal(reason=reason, rows=number) for reason, number in report["reasons"]]
        doubts = [Refusal(reason=why, rows=number) for why, number in report["doubts"]]
        dry_run = DryRun(**{**report, "reasons": reasons, "doubts": doubts})
    return ProposalShown(
        id=batch.id,
        author=batch.author,
        what=batch.what,
        draft=batch.draft,
        at=batch.at,
        entries=batch.entries,
        dry_run=dry_run,
    )
