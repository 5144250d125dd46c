"""A failed file as an error for the operator: what, where, and how to mend it."""

from pathlib import Path
from typing import Final

from edge.capture.wire import MAX_PIXELS, Fault
from edge.errors import SourceError

_MEGAPIXELS: Final = MAX_PIXELS // 1_000_000

_CLIP: Final = {
    Fault.CANNOT_OPEN: ("is not a video that can be read", "Play it elsewhere, or export it again."),
    Fault.NOT_A_PICTURE: ("holds no picture that can be decoded", "Play it elsewhere, or export it again."),
    Fault.CUT_SHORT: ("breaks off after {where} frames, before its end", "Copy or export it again."),
    Fault.TOO_LARGE: (f"has frames of over {_MEGAPIXELS} megapixels", "Scale it down first."),
    Fault.NO_FRAME: ("cannot be decoded after frame {where}", "Copy or export it again."),
    Fault.INTERLACED: (
        "is interlaced, which cannot be decoded",
        "Set the camera to progressive, or convert the clip: ffmpeg -i IN -vf yadif OUT.mp4",
    ),
    Fault.DIED: ("made the decoder crash", "Export it again with another program."),
    Fault.SILENT: ("gave no frame for {where} seconds", "Copy it to a local disk first."),
}
_PICTURE: Final = {
    Fault.NOT_A_PICTURE: ("is cut short or not a picture", "Copy it again, or remove it from the folder."),
    Fault.EMPTY: ("is empty (0 bytes)", "Copy it again, or remove it from the folder."),
    Fault.TOO_LARGE: (f"is over {_MEGAPIXELS} megapixels", "Scale it down first."),
    Fault.UNREADABLE: ("cannot be read", "Check that it exists, and who may read it."),
    Fault.DIED: ("made the decoder crash", "Save it again with another program."),
    Fault.SILENT: ("gave no picture for {where} seconds", "Copy it to a local disk first."),
}


def clip_error(path: Path, fault: int, where: int) -> SourceError:
    """Return the error for a clip that cannot be read on."""
    what, hint = _CLIP.get(Fault(fault), ("cannot be read", "Copy it again."))
    return SourceError(f"{path} {what.format(where=where)}", hint=hint)


def picture_error(path: Path, fault: int, where: int) -> SourceError:
    """Return the error for a picture that cannot be read."""
    what, hint = _PICTURE.get(Fault(fault), ("cannot be read", "Copy it again."))
    return SourceError(f"{path} {what.format(where=where)}", hint=hint)
