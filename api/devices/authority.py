"""A certificate authority of the service's own, for departments that have none: made once, used at start."""

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hitonly_core.files import write_durably

_AUTHORITY_LIFE: Final = dt.timedelta(days=3650)
_SERVER_LIFE: Final = dt.timedelta(days=397)
_BACKDATE: Final = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Files:
    """Where the listener's certificate chain and private key lie."""

    certificate: Path
    key: Path


def prepare_authority(state: Path, now: dt.datetime) -> None:
    """Make ``ca.key`` and ``ca.pem`` in the state folder, where they are not there yet."""
    if (state / "ca.pem").exists():
        return
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hitonly local authority")])
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = (
        _builder(name, name, key.public_key(), now, _AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_durably(state / "ca.key", _key_text(key))
    write_durably(state / "ca.pem", certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)


def issue(state: Path, names: Sequence[str], now: dt.datetime, *, out: Path | None = None) -> Files:
    """Issue a certificate for the listener, anew at each start, valid for 397 days.

    Args:
        state: the state folder, with the authority.
        names: host names and addresses that browsers and devices use.
        now: the time.
        out: the folder to write to; the state folder if None.
    """
    authority = x509.load_pem_x509_certificate((state / "ca.pem").read_bytes())
    signer = serialization.load_pem_private_key((state / "ca.key").read_bytes(), password=None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise TypeError("ca.key is not the authority's own key")
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
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
    folder = out or state
    files = Files(folder / "server.pem", folder / "server.key")
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
