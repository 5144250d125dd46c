"""The service's own certificate authority vouches for the service and for nothing else, whoever holds its key."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from api.core.errors import StateError
from api.devices import authority
from api.devices.authority import issue, prepare_authority

NAMES = ["plates.example.gov", "192.0.2.7", "2001:db8::7"]


def shaken(state: Path, name: str) -> bool:
    """Whether a client that trusts the authority accepts the listener under a name: a whole TLS handshake."""
    server, client = (
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
        ssl.create_default_context(cafile=state / "ca.pem"),
    )
    server.load_cert_chain(state / "server.pem", state / "server.key")
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(down, up, server_hostname=name),
        server.wrap_bio(up, down, server_side=True),
    ]
    for _ in range(10):
        for side in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError:
                return False
    return sides[0].cipher() is not None


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a folder with an authority for the service's names."""
    prepare_authority(tmp_path, NAMES, datetime.now(UTC))
    return tmp_path


@pytest.mark.parametrize("name", [*NAMES, "localhost", "127.0.0.1", "www.plates.example.gov"])
def test_it_vouches_for_the_services_names(state: Path, name: str) -> None:
    """Host names, addresses of both kinds, and this machine: a client's handshake succeeds."""
    issue(state, [name], datetime.now(UTC))
    assert shaken(state, name)


@pytest.mark.parametrize(
    "name",
    ["bank.example", "example.gov", "xplates.example.gov", "192.0.2.8", "10.0.0.1", "2001:db8::8", "::1"],
)
def test_a_thief_of_its_key_vouches_for_no_other_name(state: Path, name: str) -> None:
    """The certificate is signed by the true key, and no client takes it."""
    issue(state, [name], datetime.now(UTC))
    assert not shaken(state, name)


def test_it_is_for_servers_for_five_years_and_signs_no_other_authority(state: Path) -> None:
    """What a client or a person reads in it."""
    made = x509.load_pem_x509_certificate((state / "ca.pem").read_bytes())
    assert made.not_valid_after_utc - made.not_valid_before_utc <= timedelta(days=1827)
    assert made.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0
    assert made.extensions.get_extension_for_class(x509.NameConstraints).critical
    usage = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [x509.ExtendedKeyUsageOID.SERVER_AUTH]


def test_other_names_make_another_authority_only_before_it_has_signed(state: Path) -> None:
    """Until then nobody can trust it; afterwards it is a person's decision, and the error says what follows."""
    before = (state / "ca.pem").read_bytes()
    prepare_authority(state, NAMES[:1], datetime.now(UTC))
    assert (state / "ca.pem").read_bytes() == before, "fewer names are no reason"
    prepare_authority(state, ["other.example.gov"], datetime.now(UTC))
    assert (state / "ca.pem").read_bytes() != before
    issue(state, ["other.example.gov"], datetime.now(UTC))
    with pytest.raises(StateError, match=r"may not vouch for third\.example\.gov") as refused:
        prepare_authority(state, ["third.example.gov"], datetime.now(UTC))
    assert "enrol every device anew" in refused.value.hint


def test_its_end_is_said_before_and_at_its_time(state: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Half a year before the end it is in the log at each start; at the end the service says why it stops."""
    issue(state, NAMES, datetime.now(UTC))
    prepare_authority(state, NAMES, datetime.now(UTC) + timedelta(days=1600))
    assert not caplog.records
    prepare_authority(state, NAMES, datetime.now(UTC) + timedelta(days=1700))
    assert "ends on" in caplog.text
    with pytest.raises(StateError, match="ended on"):
        prepare_authority(state, NAMES, datetime.now(UTC) + timedelta(days=1827))


def test_an_authority_without_bounds_is_not_used(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One as it was made before: refused, and the error says why."""
    builder = authority.x509.CertificateBuilder
    plain = builder.add_extension

    def without(self: x509.CertificateBuilder, value: x509.ExtensionType, critical: bool) -> object:  # noqa: FBT001 - theirs
        return self if isinstance(value, x509.NameConstraints) else plain(self, value, critical)

    (state / "ca.pem").unlink()
    with monkeypatch.context() as old:
        old.setattr(builder, "add_extension", without)
        prepare_authority(state, NAMES, datetime.now(UTC))
    issue(state, ["bank.example"], datetime.now(UTC))
    assert shaken(state, "bank.example"), "the control: that is what it could do"
    with pytest.raises(StateError, match="any name in the world"):
        prepare_authority(state, NAMES, datetime.now(UTC))
