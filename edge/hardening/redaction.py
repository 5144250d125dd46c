"""Faults and logs say what happened and where, never with which values: no plate, no pixels (promise 3).

A traceback shows source lines and messages, a message may quote a value, and some printers show every local
variable. Here an uncaught exception is its type and place, and a log record holds plain words and numbers.
"""

import faulthandler
import logging
import os
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from hitonly_core.errors import HitonlyError

_PLAIN: Final = (str, int, float, bool, type(None), Path, HitonlyError)
"""What a log record's arguments may be; our own errors promise to hold no plate."""


def be_discreet() -> None:
    """Install the hooks for the whole process."""
    faulthandler.disable()
    logging.raiseExceptions = False  # else a malformed call prints its arguments
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable
    if logging.getLogRecordFactory() is not _record:
        logging.setLogRecordFactory(_record)


def describe(kind: type[BaseException] | None, trace: TracebackType | None) -> str:
    """Return an exception's type and the innermost place in its trace; never its message."""
    name = kind.__name__ if kind else "fault"
    if trace is None:
        return name
    while trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code
    file = "/".join(Path(code.co_filename).parts[-2:])
    return f"{name} at {file}:{trace.tb_lineno} in {code.co_name}"


def _say(words: str) -> None:
    os.write(2, f"alpr-edge: {words}\n".encode())


def _uncaught(kind: type[BaseException], _: BaseException, trace: TracebackType | None) -> None:
    _say(describe(kind, trace))


def _uncaught_in_thread(arguments: threading.ExceptHookArgs) -> None:
    name = arguments.thread.name if arguments.thread else "a thread"
    _say(f"{describe(arguments.exc_type, arguments.exc_traceback)}, thread {name}")


def _unraisable(arguments: "sys.UnraisableHookArgs") -> None:
    _say(describe(arguments.exc_type, arguments.exc_traceback))


def _record(*arguments: Any, **keywords: Any) -> logging.LogRecord:  # noqa: ANN401 - logging's own interface
    """Make a log record without traceback or stack, and with plain arguments only."""
    record = logging.LogRecord(*arguments, **keywords)
    words = record.msg if isinstance(record.msg, str) else f"<{type(record.msg).__name__}>"
    if isinstance(record.args, dict):
        record.args = {key: _plain(value) for key, value in record.args.items()}
    elif record.args:
        record.args = tuple(_plain(value) for value in record.args)
    if record.exc_info and record.exc_info[0]:
        place = describe(record.exc_info[0], record.exc_info[2])
        words += f" [{place.replace('%', '%%') if record.args else place}]"
    record.msg, record.exc_info, record.exc_text, record.stack_info = words, None, None, None
    return record


def _plain(value: object) -> object:
    return value if isinstance(value, _PLAIN) else f"<{type(value).__name__}>"
