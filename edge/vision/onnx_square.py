"""Opens a square detector of fast-alpr's hub to other sizes, so that no grey bars are looked at.

The hub's YOLOv9 files declare S x S. Nothing in their network depends on the size but three kinds of constants
at the end, which say where the n cells of the head lie and how many they are. Here:

1. the input's height and width become free;
2. the cells' centres and strides become two further inputs, given with each picture (`cells`);
3. a shape that names n takes what is there.

A graph that differs from this in anything is left as it is, and looked at as the square that it declares. The
weights are untouched, and the file's digest was compared before (`edge.vision.models`).
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # ships no types
from onnx import numpy_helper

from edge.vision.head_cells import STRIDES, Floats, OpenedSquare, cells

_INPUT_DIMENSIONS: Final = 4


def open_square(content: bytes) -> OpenedSquare | None:
    """Return a square detector with a free input; None where it is not built as described above."""
    try:
        model = onnx.load_from_string(content)
    except DecodeError:
        return None
    graph = model.graph
    side = _side(graph)
    if side is None:
        return None
    centres, strides = cells(side, side)
    names = [_named(graph, each) for each in (centres, strides)]
    counts = list(_counting(graph, centres.shape[2]))
    if None in names or not all(_is_shape(graph, each) or _is_multiplier(graph, each) for each in counts):
        return None
    of_centres, of_strides = (name for name in names if name is not None)
    for each in counts:
        if _is_shape(graph, each):
            shape = numpy_helper.to_array(each)
            freed = np.where(shape == centres.shape[2], -1, shape)
            each.CopyFrom(numpy_helper.from_array(freed, each.name))
    for place, name in ((2, "height"), (3, "width")):
        graph.input[0].type.tensor_type.shape.dim[place].dim_param = name
    for name, leading in ((of_centres, (1, 2)), (of_strides, (1,))):
        graph.initializer.remove(next(each for each in graph.initializer if each.name == name))
        value = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, (*leading, "cells"))
        graph.input.append(value)
    del graph.value_info[:]
    return OpenedSquare(model.SerializeToString(), side, of_centres, of_strides)


def _side(graph: onnx.GraphProto) -> int | None:
    """Return S of a single input 1 x 3 x S x S that the strides divide."""
    if len(graph.input) != 1:
        return None
    shape = [each.dim_value for each in graph.input[0].type.tensor_type.shape.dim]
    if len(shape) != _INPUT_DIMENSIONS or shape[:2] != [1, 3] or shape[2] != shape[3]:
        return None
    return shape[2] if shape[2] and shape[2] % STRIDES[-1] == 0 else None


def _named(graph: onnx.GraphProto, values: Floats) -> str | None:
    """Return the name of the only constant with these values, whatever axes of length one it has besides."""
    found = [
        each.name
        for each in graph.initializer
        if each.data_type == onnx.TensorProto.FLOAT
        and list(each.dims) == list(values.shape)
        and np.array_equal(numpy_helper.to_array(each), values)
    ]
    return found[0] if len(found) == 1 else None


def _counting(graph: onnx.GraphProto, count: int) -> Iterator[onnx.TensorProto]:
    """Yield the integer constants that name the number of cells."""
    for each in graph.initializer:
        if each.data_type == onnx.TensorProto.INT64 and count in numpy_helper.to_array(each):
            yield each


def _is_shape(graph: onnx.GraphProto, of: onnx.TensorProto) -> bool:
    """Whether a constant is only a shape, all of it stated."""
    return _uses(graph, of.name) == {("Reshape", 1)} and bool((numpy_helper.to_array(of) > 0).all())


def _is_multiplier(graph: onnx.GraphProto, of: onnx.TensorProto) -> bool:
    """Whether a constant is only what the picture's number is multiplied by: there is but one picture, number 0."""
    return numpy_helper.to_array(of).size == 1 and {kind for kind, _ in _uses(graph, of.name)} == {"Mul"}


def _uses(graph: onnx.GraphProto, name: str) -> set[tuple[str, int]]:
    """Return which kinds of node take a value, and as which of their inputs."""
    return {(node.op_type, place) for node in graph.node for place, of in enumerate(node.input) if of == name}
