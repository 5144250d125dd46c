"""Write the SHA-256 of the bundled weights into the manifest: after an export, before a commit."""

import hashlib
import re
from pathlib import Path

WEIGHTS = Path(__file__).resolve().parents[1] / "edge" / "weights"


def pinned(text: str) -> str:
    """Return the manifest with the digest of every bundled file as it is now."""
    for path in WEIGHTS.iterdir():
        if path.name != "manifest.toml":
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            text = re.sub(rf'("{re.escape(path.name)}" = )"[0-9a-f]{{64}}"', rf'\1"{digest}"', text)
    return text


if __name__ == "__main__":
    manifest = WEIGHTS / "manifest.toml"
    manifest.write_text(pinned(manifest.read_text()))
