"""Which library reads what: the one place where that is decided.

Clips and network cameras are read through PyAV, whose decoder can be kept from holding old pictures. OpenCV reads
pictures, USB cameras, encrypted cameras whose certificate bears no name to compare, and everything on a machine
without PyAV. Each library is loaded only where it is used, because each brings an FFmpeg of its own.
"""

from importlib import import_module
from importlib.util import find_spec

from edge.capture.decoding import Decoder
from edge.capture.wire import Request


def open_decoder(request: Request) -> Decoder:
    """Open what the request names.

    Raises:
        CaptureFailed: it cannot be opened.
    """
    name = _shown_name(request)
    if request.kind in {"rtsp", "video"} and name is not None and find_spec("av") is not None:
        decoder: Decoder = import_module("edge.capture.demuxed").StreamDecoder(request, shown_name=name)
    else:
        decoder = import_module("edge.capture.decoders").open_decoder(request)
    return decoder


def _shown_name(request: Request) -> str | None:
    """Return the name in an encrypted camera's certificate; None where it cannot be told."""
    if not request.authority:
        return ""
    timeout_s = request.open_timeout_ms / 1000
    name: str | None = import_module("edge.capture.certificate_name").shown_name(request.places[0], timeout_s)
    return name
