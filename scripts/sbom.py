"""What is installed, as CycloneDX, of the locks: `python -m scripts.sbom` writes deploy/sbom/.

Each package of deploy/edge.lock and deploy/api.lock, with its version and the SHA-256 of every file that it may be
installed from. The files go into the wheel; `scripts/lock.sh` writes them anew.
"""

import json
import re
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = ROOT / "deploy" / "sbom"
PARTS: Final = ("edge", "api")


def bill(part: str) -> str:
    """Return one part's bill of materials as text; the same lock gives the same bytes."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    name, version = project["name"], project["version"]
    lock = (ROOT / "deploy" / f"{part}.lock").read_text("utf-8")
    root = f"pkg:pypi/{name}@{version}"
    packages = [
        _component(text) for text in re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE) if text.strip()
    ]
    body = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": f"{name}[{part}]",
                "version": version,
                "purl": root,
                "licenses": [{"license": {"id": project["license"]}}],
            }
        },
        "components": packages,
    }
    return json.dumps(body, indent=1) + "\n"


def _component(text: str) -> dict[str, object]:
    """Return one package of a lock.

    Raises:
        ValueError: it has no version, or no file's hash.
    """
    found = re.match(r"([a-z0-9._-]+)(?:\[[a-z0-9,._-]*\])?==([^\s;]+)", text)
    hashes = re.findall(r"--hash=sha256:([0-9a-f]{64})", text)
    if found is None or not hashes:
        raise ValueError(f"no package with a version and a hash: {text[:60]!r}")
    name, version = found.groups()
    purl = f"pkg:pypi/{name}@{version}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "externalReferences": [
            {
                "type": "distribution",
                "url": purl,
                "hashes": [{"alg": "SHA-256", "content": each} for each in hashes],
            }
        ],
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for part in PARTS:
        (FOLDER / f"{part}.cdx.json").write_text(bill(part), "utf-8")
