"""What makes a match: the budget of false hits, the traffic it is spent on, and the OCR's known mistakes."""

from dataclasses import dataclass, field

from hitonly_core.policy import FALSE_HITS_PER_DAY, PASSES_PER_DAY
from hotlist.matching.confusion import Kernel, default


@dataclass(frozen=True, slots=True)
class MatchSettings:
    """What makes a match. The defaults are the policy's, as a camera unit has them.

    Attributes:
        max_false_hits_per_day: the budget of one camera; greater than 0.
        passes_per_day: how many vehicles pass it, measured, or guessed too high rather than too low.
        ambiguous_within: two listed plates are both likely when their probabilities are within this factor.
        doubtful_below: a character is doubtful when the OCR gives it less probability than this.
        kernel: the OCR's known mistakes.
    """

    max_false_hits_per_day: float = FALSE_HITS_PER_DAY
    passes_per_day: float = PASSES_PER_DAY
    ambiguous_within: float = 20.0
    doubtful_below: float = 0.9
    kernel: Kernel = field(default_factory=default, repr=False)
