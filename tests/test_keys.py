from pathlib import Path

import pytest

from hitonly_core.errors import KeyFileError, SealError
from hitonly_core.files import write_durably
from hitonly_core.keys import SealKey, SealPublic, SigningKey, VerifyKey


def test_a_signature_holds_for_its_message_and_key_only() -> None:
    """Another message, another key or an altered signature does not verify."""
    key = SigningKey.generate()
    signature = key.sign(b"message")
    assert key.public.verifies(signature, b"message")
    assert not key.public.verifies(signature, b"messagf")
    assert not SigningKey.generate().public.verifies(signature, b"message")
    assert not key.public.verifies(b"", b"message")


def test_only_the_owner_opens_what_is_sealed_and_only_for_its_use() -> None:
    """Another key, another info or a flipped bit gives a SealError, never a text."""
    key = SealKey.generate()
    sealed = key.public.seal(b"content", info=b"use")
    assert key.open(sealed, info=b"use") == b"content"
    altered = bytes([*sealed[:-1], sealed[-1] ^ 1])
    for opener, text, info in [
        (SealKey.generate(), sealed, b"use"),
        (key, sealed, b"other"),
        (key, altered, b"use"),
        (key, b"short", b"use"),
    ]:
        with pytest.raises(SealError):
            opener.open(text, info=info)


@pytest.mark.parametrize("kind", [SigningKey, SealKey])
def test_a_key_survives_its_file(kind: type[SigningKey | SealKey], tmp_path: Path) -> None:
    """Saved and loaded, private and public halves are the same; the private file is 0600."""
    key = kind.generate()
    key.save(tmp_path / "private")
    key.public.save(tmp_path / "public")
    assert kind.load(tmp_path / "private") == key
    assert type(key.public).load(tmp_path / "public").id == key.public.id
    assert (tmp_path / "private").stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob(".*"))


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """A private key readable by the group is an error that names the mend."""
    SigningKey.generate().save(tmp_path / "key")
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(KeyFileError, match="0640") as caught:
        SigningKey.load(tmp_path / "key")
    assert "chmod 600" in caught.value.hint


def test_a_key_is_never_replaced_and_never_taken_for_another_kind(tmp_path: Path) -> None:
    """Saving over a key, or loading one kind as another, or a text that is no key, is refused."""
    key = SigningKey.generate()
    key.save(tmp_path / "key")
    with pytest.raises(KeyFileError, match="already there"):
        SigningKey.generate().save(tmp_path / "key")
    assert SigningKey.load(tmp_path / "key") == key
    with pytest.raises(KeyFileError, match="sealing key"):
        SealKey.load(tmp_path / "key")
    with pytest.raises(KeyFileError):
        VerifyKey.from_text('{"kind": "hitonly verify key", "version": 1, "key": "AAAA"}')
    for text in ("", "[]", "null", "{}", '{"kind": 3, "key": 4}'):
        with pytest.raises(KeyFileError):
            SealPublic.from_text(text)


def test_a_secret_does_not_show_in_repr() -> None:
    """Nothing of a private key stands in its repr."""
    key = SigningKey.generate()
    assert key.raw.hex() not in repr(key)
    assert repr(key.raw) not in repr(key)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    """Where the target cannot be replaced, no temporary file stays."""
    (tmp_path / "target").mkdir()
    with pytest.raises(OSError):  # noqa: PT011 - the kind differs by system
        write_durably(tmp_path / "target", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
