"""The name that an encrypted camera's certificate bears, asked of the camera itself.

The library compares the name in a certificate with the address. Cameras bear their model's or their maker's name,
so that it would refuse nearly all of them: it is given the name that the camera shows. What the camera is known
by is its signature, which the library compares with `authority`; nothing is believed for what is learned here.
A certificate without a name that can be compared is left to OpenCV, whose library compares none.
"""

import contextlib
import ipaddress
import socket
import ssl
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from hitonly_core.urls import RTSP, parse

_WEAK: Final = "DEFAULT:@SECLEVEL=0"
"""Old cameras know no better; whether the library takes them is its own affair."""


def shown_name(url: str, timeout_s: float) -> str | None:
    """Return a name of the certificate shown at an address; None where it has none to compare, or nobody answers.

    Args:
        url: an rtsps address.
        timeout_s: longest wait for each step.
    """
    address = parse(url, RTSP, user=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(_WEAK)
    with contextlib.suppress(OSError, ValueError):
        with (
            socket.create_connection((address.host, address.port), timeout_s) as line,
            context.wrap_socket(line) as shown,
        ):
            found = shown.getpeercert(binary_form=True)
        return None if found is None else _name(x509.load_der_x509_certificate(found))
    return None


def _name(certificate: x509.Certificate) -> str | None:
    """Return a name that the library compares: a host's, an address, or the common name where there is neither.

    A common name that is an address, or is not written in ASCII, it does not compare.
    """
    with contextlib.suppress(x509.ExtensionNotFound):
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        for host in names.get_values_for_type(x509.DNSName):
            return host.replace("*", "camera")
        for number in names.get_values_for_type(x509.IPAddress):
            return str(number)
    for common in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
        name = str(common.value)
        if name.isascii() and not _is_address(name):
            return name
    return None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
