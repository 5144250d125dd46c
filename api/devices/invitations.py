"""What a person takes to a new unit: the enrolment string, made of the code and of how the service is reached."""

from api.core.errors import SettingsError
from api.core.settings import Settings
from protocol.enrolment_text import EnrolmentText, fingerprint


def authority(settings: Settings) -> str:
    """Return the certificate authority (PEM) that vouches for the service's address; empty where there is none yet.

    It is the one that `tls.authority` names, else the service's own.

    Raises:
        SettingsError: the file that `tls.authority` names is not the PEM of one certificate.
    """
    named = settings.tls.authority
    path = named or settings.state / "ca.pem"
    if named is None and not path.exists():
        return ""
    try:
        text = path.read_text("ascii")
        fingerprint(text)
    except (OSError, ValueError):
        hint = "It holds the certificate of the authority alone, without the chain."
        raise SettingsError(f"{path} is not the PEM of one certificate", hint=hint) from None
    return text


def invitation(settings: Settings, code: str) -> str:
    """Return the enrolment string for a one-time code.

    Raises:
        SettingsError: the authority cannot be used.
    """
    if not settings.url.startswith("https://"):
        return EnrolmentText(settings.url, code, "").text()
    if not (known := authority(settings)):
        raise SettingsError(
            "there is no certificate authority yet", hint="`alpr-api serve` makes it at its first start."
        )
    return EnrolmentText(settings.url, code, fingerprint(known)).text()
