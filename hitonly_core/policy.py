"""The numbers that the law and the policy set, each once. Other files take them from here; a test holds that.

A setting may be stricter where its module says so; none may be looser than a ceiling.
"""

from datetime import timedelta
from typing import Final

WINDOW_CEILING: Final = timedelta(seconds=180)
"""No read that is no hit exists for longer: three minutes from capture (R1, RSA 261:75-b VIII)."""
LIST_AGE_CEILING: Final = timedelta(hours=24)
"""A hot list older than this does not alert (R7, RSA 261:75-b IV)."""
LIST_VALID: Final = timedelta(hours=48)
"""How long a list is valid unless its signer says otherwise; units are quiet after `LIST_AGE_CEILING` anyway."""
LIST_STANDS: Final = timedelta(days=30)
"""How long a list may stand that people sign: so long a stolen service could keep it in use."""
CLOCK_TOLERANCE: Final = timedelta(minutes=5)
"""How far two machines' clocks may be apart in what one says of a moment."""
REQUEST_TOLERANCE: Final = timedelta(seconds=60)
"""How far apart they may be in a signed request, so that one that was overheard is soon worth nothing."""
FALSE_HITS_PER_DAY: Final = 1.0
"""The budget of false hits of one camera: the matching threshold, and what a list may cost, come of it."""
PASSES_PER_DAY: Final = 10_000.0
"""Vehicles a day at one camera, unless somebody knows better."""
