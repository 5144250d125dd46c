"""What a person takes to a new unit: the enrolment string, made of the code and of how the service is reached."""

from dataclasses import dataclass, field

from api.core.errors import SettingsError
from api.core.service import Service
from api.core.settings import Settings
from api.devices import registry
from api.devices.registry import Registration
from protocol.enrolment_text import EnrolmentText, fingerprint


@dataclass(frozen=True, slots=True)
class Invitation:
    """A one-time code, and the string that holds it together with the way to the service; both are shown once."""

    code: str = field(repr=False)
    text: str = field(repr=False)


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


def register(service: Service, registration: Registration, actor: str) -> Invitation:
    """Register a device and make its one-time code; none is made where no enrolment string can be.

    Raises:
        SettingsError: the authority cannot be used.
        InvalidError, ConflictError: as `registry.register`.
    """
    url, known = _way(service.settings)
    code = registry.register(service, registration, actor)
    return Invitation(code, EnrolmentText(url, code, known).text())


def _way(settings: Settings) -> tuple[str, str]:
    """Return the service's address, and the fingerprint of who vouches for it; empty on this machine alone.

    Raises:
        SettingsError: the authority cannot be used.
    """
    if not settings.url.startswith("https://"):
        return settings.url, ""
    if not (known := authority(settings)):
        raise SettingsError(
            "there is no certificate authority yet", hint="`alpr-api serve` makes it at its first start."
        )
    return settings.url, fingerprint(known)
