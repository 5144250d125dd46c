"""Opens a detector's declared input size, so that a picture need not be padded to a square.

open-image-models refuses a model whose input height and width are not fixed and equal. The bundled detector
therefore declares 384 x 384, though nothing inside it depends on the size, and says so in its metadata.
"""

from typing import Final

SIZE_KEY: Final = "input_size"
SIZE_FREE: Final = "any multiple of 32 from 96"
"""Metadata of a model that may be opened."""

# ONNX's TensorShapeProto for 1 x 3 x 384 x 384, and for 1 x 3 x h x w: a dimension is a number (field 1) or a
# name (field 2), and a name of one letter takes as many bytes as the number 384.
_BATCH_AND_CHANNELS: Final = b"\x0a\x02\x08\x01\x0a\x02\x08\x03"
_FIXED: Final = _BATCH_AND_CHANNELS + b"\x0a\x03\x08\x80\x03" * 2
_FREE: Final = _BATCH_AND_CHANNELS + b"\x0a\x03\x12\x01h" + b"\x0a\x03\x12\x01w"


def free_size(model: bytes) -> bytes:
    """Return a serialised ONNX model with input 1 x 3 x 384 x 384 as one with input 1 x 3 x h x w.

    Raises:
        ValueError: that shape is not declared exactly once.
    """
    found = model.count(_FIXED)
    if found != 1:
        raise ValueError(f"expected one declared 1 x 3 x 384 x 384 shape, found {found}")
    return model.replace(_FIXED, _FREE)
