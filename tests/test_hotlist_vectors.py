import base64
import json
import zlib
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from hitonly_core.keys import SealKey
from hotlist import errors
from hotlist.signed_list.keyset import KeySet
from hotlist.signed_list.list_format import Limits
from hotlist.signed_list.trust import TrustedState, accept

FOLDER = Path(__file__).parent / "vectors" / "hotlist"
INDEX: dict[str, Any] = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))
STATE = INDEX["state"]


def taken(file: str) -> list[str]:
    """Take a vector's file as the device of the vectors does; return its plates."""
    content = (FOLDER / file).read_bytes()
    accepted = accept(
        zlib.decompress(content) if file.endswith(".z") else content,
        device_key=SealKey(base64.b64decode(INDEX["device_key"])),
        trusted=TrustedState(
            STATE["department"],
            KeySet.from_bytes(json.dumps(STATE["keys"]).encode()),
            STATE["version"],
            STATE["digest"],
            datetime.fromisoformat(STATE["stated"]),
        ),
        now=datetime.fromisoformat(INDEX["now"]),
        limits=Limits(**INDEX["limits"]),
    )
    return list(accepted.list.entries.plates())


@pytest.mark.parametrize("vector", INDEX["vectors"], ids=lambda vector: vector["file"].partition(".")[0])
def test_every_vector_gives_its_error_at_its_step(vector: dict[str, Any]) -> None:
    """A reader of the format gives exactly the error that the index names, or the list."""
    if not vector["error"]:
        assert taken(vector["file"]) == vector["plates"]
        return
    with pytest.raises(errors.ListError) as caught:
        taken(vector["file"])
    assert (type(caught.value).__name__, caught.value.step) == (vector["error"], vector["step"])


def test_the_vectors_cover_every_error_and_lie_all_in_the_index() -> None:
    """No exact error is without a vector, and no file without an entry."""
    named = {vector["error"] for vector in INDEX["vectors"]} - {""}
    assert named == {kind.__name__ for kind in errors.ListError.__subclasses__()}
    files = {path.name for path in FOLDER.iterdir()} - {"index.json"}
    assert files == {vector["file"] for vector in INDEX["vectors"]}
