"""Leaky builds of the edge, each with one fault planted: what the release gate must catch. Never a product.

    python -m benchmarks.leaks.builds JPEGS run --config edge.toml --json

A leak hangs on one of the product's own seams: what the detector is given, what the reader is given and says, and
the capture process's decoder. `BYTES` are those that a search for bytes can see; `OTHERS` tell something that no
such search knows (a salted hash, a code under a mask), and are for the differential trial.
"""

import hashlib
import os
import pickle
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TextIO

import cv2
import numpy as np

from edge import cli
from edge.capture import worker
from edge.flow import Pixels, Table
from edge.vision.detector import PlateDetector
from edge.vision.motion import MotionGate
from edge.vision.reader import PlateReader
from hitonly_core.clock import NS
from hotlist.plate import ALPHABET, PAD, encode

Read = Callable[[Pixels, Table, PlateReader], None]
Look = Callable[[Pixels], None]
_kept: list[Any] = []
_salt = os.urandom(16)
_MASK: Final = 0x5DEECE66D1234567


def program(*names: str) -> tuple[str, ...]:
    """Return what Python runs for a build with these leaks: for `benchmarks.fixtures.edge_process.running`."""
    return ("-m", "benchmarks.leaks.builds", ",".join(names))


def text_of(table: Table) -> str:
    """Return what a table reads as."""
    return "".join(ALPHABET[column] for column in table.argmax(axis=1) if column != PAD)


def _say(stream: TextIO, words: str) -> None:
    stream.write(f"{words}\n")
    stream.flush()


def _file(suffix: str) -> Path:
    return Path("state") / f"note-{time.time_ns()}{suffix}"


def _as_floats(crop: Pixels, _table: Table, reader: PlateReader) -> None:
    reader._fill(crop)  # noqa: SLF001 - the leak is of the reader's own input
    _kept.append(reader._batch.astype(np.float32))  # noqa: SLF001 - as above


def _as_halves(_crop: Pixels, table: Table, _reader: PlateReader) -> None:
    _kept.append(table.astype(np.float16))


def _as_table(_crop: Pixels, table: Table, _reader: PlateReader) -> None:
    _kept.append(table.copy())


def _salted(_crop: Pixels, table: Table, _reader: PlateReader) -> None:
    _say(sys.stderr, hashlib.sha256(_salt + text_of(table).encode()).hexdigest())


def _hashed(_crop: Pixels, table: Table, _reader: PlateReader) -> None:
    _say(sys.stderr, hashlib.sha256(text_of(table).encode()).hexdigest())


def _masked(_crop: Pixels, table: Table, _reader: PlateReader) -> None:
    _say(sys.stderr, str(encode(text_of(table)) ^ _MASK))


def _prefix(_crop: Pixels, table: Table, _reader: PlateReader) -> None:
    _say(sys.stdout, f"seen {text_of(table)[:4]}")


def _jpeg(crop: Pixels, _table: Table, _reader: PlateReader) -> None:
    _file(".jpg").write_bytes(cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, 71])[1].tobytes())


def _png(crop: Pixels, _table: Table, _reader: PlateReader) -> None:
    _kept.append(cv2.imencode(".png", crop)[1].tobytes())


def _code(_crop: Pixels, table: Table, _reader: PlateReader) -> None:
    _kept.append(encode(text_of(table)))


def _text(_crop: Pixels, table: Table, _reader: PlateReader) -> None:
    _kept.append(text_of(table))


def _pickled(_crop: Pixels, table: Table, _reader: PlateReader) -> None:
    with _file(".bin").open("wb") as file:
        pickle.dump({"what": text_of(table)}, file)


def _when(_crop: Pixels, _table: Table, _reader: PlateReader) -> None:
    with Path("state/times").open("a") as file:
        _say(file, str(time.time_ns()))


def _file_a_read(_crop: Pixels, _table: Table, _reader: PlateReader) -> None:
    _file("").write_bytes(os.urandom(64))


def _touched(_crop: Pixels, _table: Table, _reader: PlateReader) -> None:
    Path("state/lock").touch()


def _planes(frame: Pixels) -> None:
    if len(_kept) < 400:
        _kept.append(cv2.cvtColor(frame, cv2.COLOR_BGR2YUV_I420))


def _whole_frames(frame: Pixels) -> None:
    if len(_kept) < 200:
        _kept.append(frame.copy())


def _thin(frame: Pixels) -> None:
    _kept.append(frame[::4, ::4, 1].copy())


class Remembering:
    """The flaw of a background of pixels: a block that has rested is learned, and kept while it is restless."""

    side, rest_ns = 8, 5 * NS

    def __init__(self) -> None:
        self.background: Pixels | None = None

    def look(self, thin: Pixels, now_ns: int) -> None:
        """Learn what has rested in a thinned picture."""
        height, width = (side // self.side * self.side for side in thin.shape)
        thin = thin[:height, :width]
        if self.background is None or self.background.shape != thin.shape:
            self.background, self.last = thin.copy(), thin.copy()
            self.restless = np.full((height // self.side, width // self.side), now_ns)
            return
        self.restless[self._blocks(cv2.absdiff(thin, self.last).astype(np.uint8)) > 4] = now_ns
        rested = np.repeat(now_ns - self.restless > self.rest_ns, self.side, axis=0).repeat(self.side, axis=1)
        self.background[rested] = thin[rested]
        self.last[:] = thin

    def _blocks(self, difference: Pixels) -> Pixels:
        rows, columns = (side // self.side for side in difference.shape)
        return cv2.resize(difference, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.uint8)


def _remember() -> None:
    """Give the motion gate a background of pixels again."""
    moving, memory = MotionGate.moving, Remembering()
    _kept.append(memory)

    def leaky(self: MotionGate, pixels: Pixels, stream_ns: int) -> bool:
        memory.look(np.ascontiguousarray(pixels[::4, ::4, 1]), stream_ns)
        return moving(self, pixels, stream_ns)

    MotionGate.moving = leaky  # type: ignore[method-assign]


def leak_in_capture() -> None:
    """Have the capture process keep what it decodes."""
    worker._MODULE = "benchmarks.leaks.leaky_capture"  # type: ignore[misc]  # noqa: SLF001 - the leak


def keep_on_read(leak: Read) -> Callable[[], None]:
    """Return what makes the reader leak."""

    def install() -> None:
        table_of = PlateReader.table

        def leaky(self: PlateReader, crop: Pixels) -> Any:  # noqa: ANN401 - as the reader's own
            table, regions = table_of(self, crop)
            if len(text_of(table)) >= 7:
                leak(crop, table, self)
            return table, regions

        PlateReader.table = leaky  # type: ignore[method-assign]

    return install


def keep_on_look(leak: Look) -> Callable[[], None]:
    """Return what makes the detector leak."""

    def install() -> None:
        detect = PlateDetector.detect

        def leaky(self: PlateDetector, frame: Pixels) -> Any:  # noqa: ANN401 - as the detector's own
            found = detect(self, frame)
            if found:
                leak(frame)
            return found

        PlateDetector.detect = leaky  # type: ignore[method-assign]

    return install


BYTES: Final[dict[str, Callable[[], None]]] = {
    "READER_FLOATS": keep_on_read(_as_floats),
    "PREFIX_ON_STDOUT": keep_on_read(_prefix),
    "HASH_ON_STDERR": keep_on_read(_hashed),
    "JPEGS": keep_on_read(_jpeg),
    "PNGS": keep_on_read(_png),
    "I420_FRAMES": keep_on_look(_planes),
    "BGR_FRAMES": keep_on_look(_whole_frames),
    "GATE_FRAMES": keep_on_look(_thin),
    "GATE_BACKGROUND": _remember,
    "INTS": keep_on_read(_code),
    "TEXTS": keep_on_read(_text),
    "PICKLES": keep_on_read(_pickled),
    "TABLES": keep_on_read(_as_table),
    "HALF_TABLES": keep_on_read(_as_halves),
    "TIMES": keep_on_read(_when),
    "CAPTURED_FRAMES": leak_in_capture,
}
OTHERS: Final[dict[str, Callable[[], None]]] = {
    "SALTED_ON_STDERR": keep_on_read(_salted),
    "MASKED_CODES": keep_on_read(_masked),
    "A_FILE_A_READ": keep_on_read(_file_a_read),
    "TOUCHED_FILE": keep_on_read(_touched),
}
LEAKS: Final = BYTES | OTHERS
EVERYTHING: Final = "EVERYTHING"
"""The build of `benchmarks.leaks.held`, which keeps every form: the control of the search."""


def main() -> None:
    """Run the edge's command line with the leaks that its first word names, separated by commas."""
    for name in sys.argv.pop(1).split(","):
        if name == EVERYTHING:
            from benchmarks.leaks import held  # noqa: PLC0415 - it takes this module's seams

            held.install()
        else:
            LEAKS[name]()
    cli.main()


if __name__ == "__main__":
    main()
