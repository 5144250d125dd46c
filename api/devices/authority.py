"""A certificate authority of the service's own, for departments that have none: made once, used at start.

Browsers and devices are told to trust it, so it can vouch for the service's own names and addresses and for nothing
else (RFC 5280, 4.2.1.10), for servers only, and for five years: whoever steals its key can stand in for this
service and for no other site. It signs no unit: a unit is known by its Ed25519 key, and has no certificate.
"""

import datetime as dt
import ipaddress
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from api.core.errors import StateError
from hitonly_core.files import write_durably

ALWAYS: Final = ("localhost", "127.0.0.1")
"""Names that every certificate of the listener has."""
_AUTHORITY_LIFE: Final = dt.timedelta(days=1826)
_WARN: Final = dt.timedelta(days=180)
_SERVER_LIFE: Final = dt.timedelta(days=397)
_SUBJECT: Final = "hitonly department service"
"""No host name: clients would hold it against the name constraints where the certificate names addresses only."""
_LOG: Final = logging.getLogger(__name__)
_BACKDATE: Final = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Files:
    """Where the listener's certificate chain and private key lie."""

    certificate: Path
    key: Path


def prepare_authority(state: Path, names: Sequence[str], now: dt.datetime) -> None:
    """Make ``ca.key`` and ``ca.pem`` in the state folder, where they are not there yet.

    One that may not vouch for today's names is made anew as long as it has never signed anything.

    Args:
        state: the state folder.
        names: the host names and addresses that it may vouch for; names below a host name are included.
        now: the time.

    Raises:
        StateError: it has signed already and may not vouch for one of the names, or it has ended.
    """
    if (state / "ca.pem").exists():
        problem = _unfit(x509.load_pem_x509_certificate((state / "ca.pem").read_bytes()), names, now)
        if not problem:
            return
        if (state / "server.pem").exists():
            hint = (
                f"To have another one made, move ca.key, ca.pem and server.pem away from {state}, start again, and "
                "enrol every device anew; browsers need the new ca.pem."
            )
            raise StateError(f"the service's certificate authority {problem}", hint=hint)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hitonly local authority")])
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = (
        _builder(name, name, key.public_key(), now, _AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.NameConstraints(_permitted(names), None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_durably(state / "ca.key", _key_text(key))
    write_durably(state / "ca.pem", certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)


def _permitted(names: Sequence[str]) -> list[x509.GeneralName]:
    """Return what an authority may vouch for. Both kinds must be there: a kind that is not named is not bounded."""
    found = [_name(name) for name in dict.fromkeys((*names, *ALWAYS))]
    return [
        x509.IPAddress(ipaddress.ip_network(name.value)) if isinstance(name, x509.IPAddress) else name
        for name in found
    ]


def _unfit(authority: x509.Certificate, names: Sequence[str], now: dt.datetime) -> str:
    """Return why an authority cannot be used for these names now, in words; empty where it can."""
    if authority.not_valid_after_utc <= now:
        return f"ended on {authority.not_valid_after_utc:%Y-%m-%d}"
    if authority.not_valid_after_utc <= now + _WARN:
        _LOG.warning(
            "the service's certificate authority ends on %s", f"{authority.not_valid_after_utc:%Y-%m-%d}"
        )
    try:
        allowed = (
            authority.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
        )
    except x509.ExtensionNotFound:
        return "may vouch for any name in the world, as older versions made it"
    for name in names:
        if not any(_covers(each, _name(name)) for each in allowed):
            return f"may not vouch for {name}"
    return ""


def _covers(allowed: x509.GeneralName, name: x509.GeneralName) -> bool:
    """Whether a permitted subtree holds a name or an address."""
    if isinstance(allowed, x509.DNSName) and isinstance(name, x509.DNSName):
        return f".{name.value}".lower().endswith(f".{allowed.value}".lower())
    if isinstance(allowed, x509.IPAddress) and isinstance(name, x509.IPAddress):
        return allowed.value == ipaddress.ip_network(name.value)
    return False


def issue(state: Path, names: Sequence[str], now: dt.datetime) -> Files:
    """Issue a certificate for the listener, anew at each start, valid for 397 days.

    Args:
        state: the state folder, with the authority.
        names: host names and addresses that browsers and devices use.
        now: the time.
    """
    authority = x509.load_pem_x509_certificate((state / "ca.pem").read_bytes())
    signer = serialization.load_pem_private_key((state / "ca.key").read_bytes(), password=None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise TypeError("ca.key is not the authority's own key")
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _SUBJECT)])
    server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    certificate = (
        _builder(subject, authority.subject, key.public_key(), now, _SERVER_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), critical=False)
        .add_extension(server, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .sign(signer, hashes.SHA256())
    )
    files = Files(state / "server.pem", state / "server.key")
    write_durably(files.key, _key_text(key))
    write_durably(files.certificate, certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)
    return files


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: dt.datetime,
    life: dt.timedelta,
) -> x509.CertificateBuilder:
    """Return what both certificates share."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + life)
    )


def _name(name: str) -> x509.GeneralName:
    """Return a name or address for the certificate."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_text(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
