"""The department's certificate authority, fetched from the service and known by its fingerprint.

The first connection trusts nobody and gives nothing away: one GET without code, key or name. Only what has the
fingerprint that a person brought is used, and everything after that goes over connections which it vouches for.
"""

import time
from typing import Final

import httpx

from edge.errors import LinkError
from protocol.enrolment_text import fingerprint

PATH: Final = "/v1/certificate-authority"
_MOST_BYTES: Final = 65_536
_MOST_SECONDS: Final = 30.0
_TIMEOUT_S: Final = 15.0


def fetch_authority(url: str, digest: str) -> str:
    """Return the authority's certificate (PEM) that has a fingerprint.

    Args:
        url: the service's address, https://.
        digest: SHA-256 of the certificate, 64 lower-case hexadecimal digits.

    Raises:
        LinkError: unreachable, or what answered has another authority: nothing was told to it.
    """
    try:
        text = _get(url)
    except httpx.RequestError as problem:
        raise LinkError(f"{url} cannot be reached: {type(problem).__name__}") from None
    try:
        found = fingerprint(text)
    except ValueError:
        raise LinkError(f"{url} gave no certificate authority", hint="Is it the service's address?") from None
    if found != digest:
        raise LinkError(
            f"{url} has another certificate authority than the enrolment string names; nothing was sent to it",
            hint="Somebody may be answering in the service's place; or the string is another service's, or old.",
        )
    return text


def _get(url: str) -> str:
    """Return what the service gives as its authority, up to a size and a time."""
    ends, content = time.monotonic() + _MOST_SECONDS, b""
    # Nobody can be trusted yet: what comes back is compared with the fingerprint, and nothing is sent.
    client = httpx.Client(verify=False, timeout=_TIMEOUT_S, follow_redirects=False, trust_env=False)  # noqa: S501
    with client, client.stream("GET", url + PATH) as answer:
        if answer.status_code != httpx.codes.OK:
            raise LinkError(f"{url} answered {answer.status_code} when asked for its certificate authority")
        for chunk in answer.iter_raw():
            content += chunk
            if len(content) > _MOST_BYTES or time.monotonic() > ends:
                raise LinkError(f"{url} gave no certificate authority")
    return content.decode("ascii", "replace")
