"""The certificate that an encrypted camera is known by, looked at before the first connection."""

from pathlib import Path
from typing import Final

from edge.errors import SourceError

_BEGIN: Final = b"-----BEGIN CERTIFICATE-----"


def check_authority(path: Path) -> None:
    """Check that a file holds certificates, so that a wrong path is said once and plainly.

    Raises:
        SourceError: it cannot be read, or holds no certificate in PEM.
    """
    hint = "`openssl s_client -connect CAMERA:322 </dev/null` prints the certificate that the camera shows."
    try:
        found = _BEGIN in path.read_bytes()
    except OSError as problem:
        raise SourceError(
            f"the camera's authority {path} cannot be read: {problem.strerror}", hint=hint
        ) from None
    if not found:
        raise SourceError(f"the camera's authority {path} holds no certificate in PEM", hint=hint)
