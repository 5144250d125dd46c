"""An alert by e-mail: over TLS only, to a mail server whose certificate is checked.

What a server answers has a bound: smtplib keeps every line of an answer, and reads on as long as one says that more
follow. Before STARTTLS anybody on the way can answer.
"""

import smtplib
import time
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import BinaryIO, Final

from api.core.alert_targets import Email
from api.hits.alerting.message import RefusedError, subject, text

_TIMEOUT: Final = 10
_ANSWERS: Final = 64 * 1024
"""Bytes of everything that a server says in one connection."""
_WHOLE: Final = 60.0
"""Seconds that it may take to say them."""


class _Bounded:
    """What a server says, up to a number of bytes and a time."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._rest = b""
        self._left = _ANSWERS
        self._until = time.monotonic() + _WHOLE

    def readline(self, most: int) -> bytes:
        """Return the next line, or its beginning.

        Raises:
            OSError: the server says too much, or takes too long.
        """
        while b"\n" not in self._rest and len(self._rest) < most:
            piece = self._file.read1(min(most, max(1, self._left)))  # type: ignore[attr-defined]
            self._left -= len(piece)
            if self._left <= 0 or time.monotonic() > self._until:
                raise OSError("the mail server says too much, or too slowly")
            if not piece:
                break
            self._rest += piece
        end = min(most, self._rest.find(b"\n") + 1 or most)
        line, self._rest = self._rest[:end], self._rest[end:]
        return line

    def close(self) -> None:
        """Close what it reads from."""
        self._file.close()


class _Smtp(smtplib.SMTP):
    """Plain at first; what is read from the server passes the bound."""

    def getreply(self) -> tuple[int, bytes]:
        """Return the server's answer to a command."""
        if self.file is None and self.sock is not None:
            self.file = _Bounded(self.sock.makefile("rb"))
        return super().getreply()


class _SmtpTls(_Smtp, smtplib.SMTP_SSL):
    """TLS from the first byte."""


def send(target: Email, identity: str, body: dict[str, object], now: datetime) -> None:
    """Hand one message to the mail server.

    Raises:
        RefusedError: the server does not take it.
        OSError: it cannot be reached, or its certificate is not the right one.
    """
    message = EmailMessage()
    message["Subject"] = subject(body)
    message["From"] = target.sender
    message["To"] = ", ".join(target.recipients)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{identity}.{target.name}@{target.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text(body))
    try:
        with _connected(target) as server:
            if target.username:
                server.login(target.username, target.password)
            if refused := server.send_message(message):
                raise RefusedError(f"it refused {len(refused)} of {len(target.recipients)} recipients")
    except smtplib.SMTPException as problem:
        raise RefusedError(_reason(problem)) from None


def _connected(target: Email) -> smtplib.SMTP:
    """Return a connection that is protected by TLS.

    Raises:
        OSError: there is none to be had.
        SMTPException: the server offers no STARTTLS.
    """
    if target.security == "tls":
        return _SmtpTls(target.host, target.port, timeout=_TIMEOUT, context=target.tls())
    server = _Smtp(target.host, target.port, timeout=_TIMEOUT)
    try:
        server.starttls(context=target.tls())
    except (smtplib.SMTPException, OSError):
        server.close()
        raise
    return server


def _reason(problem: smtplib.SMTPException) -> str:
    """Say why a server refused; what it wrote itself is not repeated."""
    if isinstance(problem, smtplib.SMTPAuthenticationError):
        return "it refused the user name or the password"
    if isinstance(problem, smtplib.SMTPNotSupportedError):
        return "it offers no TLS (STARTTLS), or no sign-in"
    if isinstance(problem, smtplib.SMTPRecipientsRefused):
        return "it refused every recipient"
    if isinstance(problem, smtplib.SMTPSenderRefused):
        return "it refused the sender"
    return f"it did not take the message ({type(problem).__name__})"
