"""Where a unit's files stand unless somebody says otherwise. Light to import: every command's help needs it."""

from pathlib import Path
from typing import Final

CONFIG: Final = Path("/etc/hitonly/edge.toml")
FOLDER: Final = Path("/var/lib/hitonly")
