"""The edge that keeps everything: each form of each read and of some frames, made by other code than the patterns.

The control of the search itself: while it runs, every form must be found in it, else the gate is blind for it.
Run as ``python -m benchmarks.leaks.builds EVERYTHING``.
"""

import base64
import hashlib
from itertools import combinations, pairwise
from typing import Any, Final
from urllib.parse import quote

import cv2
import numpy as np

from benchmarks.leaks.builds import keep_on_look, keep_on_read, leak_in_capture, text_of
from benchmarks.patterns.text_forms import HASHES
from edge.flow import Pixels, Table
from edge.pipeline import fusion
from edge.vision.reader import PlateReader
from hotlist.plate import ALPHABET, encode

_EVERY: Final = 3
_FRAMES: Final = 10
_held: list[Any] = []
_looks = 0


def install() -> None:
    """Keep everything from now on, in the capture process too."""
    keep_on_read(_read)()
    keep_on_look(_look)()
    leak_in_capture()


def _read(crop: Pixels, table: Table, reader: PlateReader) -> None:
    reader._fill(crop)  # noqa: SLF001 - the reader's own input
    batch = reader._batch  # noqa: SLF001 - as above
    logs = fusion.log_table(table)
    _held.append([batch.astype(np.float32), batch * np.float32(1 / 255), batch.copy()])
    _held.append(
        [each.astype(kind) for each in (table, logs) for kind in (np.float16, np.float32, np.float64)]
    )
    _held.append([cv2.imencode(kind, crop)[1].tobytes() for kind in (".jpg", ".png", ".webp")])
    _held.append(_texts(text_of(table)))


def _texts(text: str) -> list[Any]:
    plain, code = text.encode(), encode(text)
    places = [ALPHABET.index(character) for character in text]
    held: list[Any] = [text, text.lower(), text[::-1], plain.hex(), plain.hex().upper()]
    held += [text.encode("utf-16-be"), text.encode("utf-32-be"), text.lower().encode("utf-16")]
    held += [text[::-1].lower(), base64.b32encode(plain), str(int(text, 36))]
    held += [text.encode("utf-16"), text.encode("utf-32"), "".join(f"%{ord(each):X}" for each in text)]
    for cuts in [*combinations(range(1, len(text)), 1), *combinations(range(1, len(text)), 2)]:
        edges = [0, *cuts, len(text)]
        groups = [text[start:end] for start, end in pairwise(edges)]
        held += [separator.join(groups) for separator in ("-", " ", ".", "_")] + [quote(" ".join(groups))]
    held += [base64.b64encode(b"?" * shift + plain + b"!!") for shift in range(3)]
    held += [code, float(code), f"{code}", f"{code:x}", code.to_bytes(8, "big"), np.int64(code)]
    held += [np.array(places, kind) for kind in ("u1", "<u2", "<u4", "<u8", "<f4")]
    for name in HASHES:
        one = hashlib.new(name, plain)
        held += [one.digest(), one.hexdigest(), base64.b64encode(one.digest())]
    return held


def _look(frame: Pixels) -> None:
    global _looks  # noqa: PLW0603 - a counter of a fault
    _looks += 1
    if _looks % _EVERY or _looks > _EVERY * _FRAMES:
        return
    plane = frame[:, :, 1].copy()
    _held.append([cv2.cvtColor(frame, cv2.COLOR_BGR2YUV_I420), cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)])
    _held.append([frame[:, :, ::-1].copy(), frame.copy()])
    for picture in (plane, *(plane[::step, ::step].copy() for step in (2, 3, 4))):
        _held.extend([picture, picture.astype(np.float32), picture * np.float32(1 / 255)])
