"""The one JSON text of a value: what is signed must be the same bytes everywhere."""

import json


def canonical(body: object) -> bytes:
    """Return the value's JSON with sorted members, no spaces, UTF-8, no NaN.

    Raises:
        ValueError: a number is not finite.
        TypeError: the value has no JSON form.
    """
    return json.dumps(
        body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()
