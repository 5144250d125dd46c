"""Certificates for tests: an authority, or somebody signed by one, or by himself."""

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


class Certificate:
    """A certificate with its key, good for a day.

    Attributes:
        path: the certificate, PEM.
        with_key: the certificate and its key, PEM.
    """

    def __init__(self, name: str, folder: Path, *, signed_by: "Certificate | None" = None) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer, key = (signed_by.name, signed_by.key) if signed_by else (self.name, self.key)
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(issuer)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=signed_by is None, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        ).public_bytes(Encoding.PEM)
        private = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        stem = secrets.token_hex(4)
        self.path, self.with_key = folder / f"{stem}.pem", folder / f"{stem}-key.pem"
        self.path.write_bytes(certificate)
        self.with_key.write_bytes(certificate + private)
