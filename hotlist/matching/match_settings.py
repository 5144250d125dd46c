"""What makes a match: the budget of false hits, the traffic it is spent on, and the OCR's known mistakes."""

from dataclasses import dataclass, field

from hotlist.matching.confusion import Kernel, default


@dataclass(frozen=True, slots=True)
class MatchSettings:
    """What makes a match. The defaults allow one false hit in a thousand vehicles.

    Attributes:
        max_false_hits_per_day: the budget of one camera; greater than 0.
        passes_per_day: how many vehicles pass it, measured, or guessed too high rather than too low.
        ambiguous_within: two listed plates are both likely when their probabilities are within this factor.
        doubtful_below: a character is doubtful when the OCR gives it less probability than this.
        kernel: the OCR's known mistakes.
    """

    max_false_hits_per_day: float = 10.0
    passes_per_day: float = 10_000.0
    ambiguous_within: float = 20.0
    doubtful_below: float = 0.9
    kernel: Kernel = field(default_factory=default, repr=False)
