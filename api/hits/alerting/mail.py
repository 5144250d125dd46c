"""An alert by e-mail: over TLS only, to a mail server whose certificate is checked."""

import smtplib
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

from api.core.alert_targets import Email
from api.hits.alerting.message import RefusedError, subject, text

_TIMEOUT: Final = 10


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
        return smtplib.SMTP_SSL(target.host, target.port, timeout=_TIMEOUT, context=target.tls())
    server = smtplib.SMTP(target.host, target.port, timeout=_TIMEOUT)
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
