"""Anything may arrive. HOTLIST_FUZZ=100000 sets how many inputs each test tries; few by default."""

import contextlib
import dataclasses
import hashlib
import io
import json
import os
import tracemalloc
import zlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hitonly_core.canonical import canonical
from hitonly_core.keys import SigningKey
from hotlist.entry import entry_from_json, entry_from_line, entry_to_json, entry_to_line
from hotlist.errors import HotListError, ImportFileError, ListError, MalformedError, PlateError, RowError
from hotlist.importers import READERS, Format, Refused, Row, Unread
from hotlist.importers.proposal import Given, approved_line, propose
from hotlist.importers.row import FIELDS
from hotlist.plate import ALPHABET, decode, encode, normalise
from hotlist.signed_list import bundle
from hotlist.signed_list.bundle import SignedList
from hotlist.signed_list.detached import Detached
from hotlist.signed_list.keyset import KeySet
from hotlist.signed_list.list_format import Limits
from hotlist.signed_list.timestamp import state_current
from hotlist.signed_list.trust import accept, accept_signed
from tests.hotlist_maker import NOW, Department, entry

tried = settings(
    max_examples=int(os.environ.get("HOTLIST_FUZZ", "150")),
    deadline=None,
    derandomize="HOTLIST_FUZZ" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
NH = Department()
SOUND = NH.unsigned([entry(number, plate=f"AB{number:03d}") for number in range(3)]).signed_by(NH.ann)
SEALED = NH.seal(SOUND)
BODY = zlib.decompress(SOUND.packed)
SMALL = Limits(file=100_000, body=200_000, entries=100)
ONLINE = SigningKey.generate()
KEPT_FRESH = NH.unsigned(
    [entry(number) for number in range(3)], next_keys=KeySet(1, NH.keys.people, timestamp=ONLINE.public)
).signed_by(NH.ann)
CURRENT = state_current(
    ONLINE,
    department=NH.name,
    version=1,
    digest=KEPT_FRESH.digest.hex(),
    issued=NOW,
    expires=NOW + timedelta(hours=24),
    cancelled=("e000001",),
)
STATED = KEPT_FRESH.stated_by(CURRENT)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=8), inside, max_size=4),
    max_leaves=12,
)


@st.composite
def damaged(draw: st.DrawFn, sound: bytes) -> bytes:
    """Draw a sound text with a piece replaced, cut or repeated."""
    start = draw(st.integers(0, len(sound)))
    end = draw(st.integers(start, min(len(sound), start + 40)))
    piece = draw(st.binary(max_size=40) | st.sampled_from([b"", b"{", b'"', b"\n", b"[" * 5000, b"\\ud800"]))
    return sound[:start] + piece * draw(st.sampled_from([1, 1, 3])) + sound[end:]


def signed_body(body: bytes) -> SignedList:
    """Return a body that Ann signed, whatever it is."""
    return SignedList(zlib.compress(body), hashlib.sha256(body).digest()).signed_by(NH.ann)


@tried
@given(st.binary() | damaged(SEALED))
def test_a_sealed_list_of_any_bytes_is_a_list_or_a_listed_error(content: bytes) -> None:
    """Steps 1 to 3 end in a list or an exact error, whatever the bytes."""
    try:
        accept(content, device_key=NH.device, trusted=NH.trusted, now=NOW, limits=SMALL)
    except ListError:
        return
    assert content == SEALED


@tried
@given(st.binary() | damaged(SOUND.to_bytes()))
def test_a_signed_list_of_any_bytes_is_a_list_or_a_listed_error(content: bytes) -> None:
    """Steps 4 to 6 end in a list or an exact error, whatever the bytes inside the seal."""
    try:
        accepted = accept_signed(content, trusted=NH.trusted, now=NOW, limits=SMALL)
    except ListError:
        return
    assert accepted.list.digest == SOUND.digest.hex()


@tried
@given(damaged(STATED.to_bytes()))
def test_a_damaged_statement_is_a_listed_error_or_says_the_same(content: bytes) -> None:
    """However a stated list is damaged, it is refused, or it cancels and dates exactly what was stated."""
    try:
        accepted = accept_signed(content, trusted=NH.trusted, now=NOW, limits=SMALL)
    except ListError:
        return
    assert accepted.list.timestamp == CURRENT
    assert [each.id for each in accepted.list.entries] == ["e000000", "e000002"]


@tried
@given(
    st.sampled_from([KEPT_FRESH, SOUND]),
    st.integers(1, 3),
    st.integers(-72, 72),
    st.integers(-72, 72),
    st.sets(st.sampled_from(["e000000", "e000001", "e000002", "e000003"])),
)
def test_whatever_the_online_key_states_no_entry_comes_in(
    about: SignedList, version: int, issued: int, expires: int, cancelled: set[str]
) -> None:
    """Any statement by the true key yields a listed error, or a part of what people signed, and fresh (R7)."""
    said = state_current(
        ONLINE,
        department=NH.name,
        version=version,
        digest=about.digest.hex(),
        issued=NOW + timedelta(hours=issued),
        expires=NOW + timedelta(hours=expires),
        cancelled=cancelled,
    )
    try:
        found = accept_signed(KEPT_FRESH.stated_by(said).to_bytes(), trusted=NH.trusted, now=NOW).list
    except ListError:
        return
    assert {each.id for each in found.entries} == {"e000000", "e000001", "e000002"} - cancelled
    assert -24 <= issued <= 0 < expires
    assert (version, about) == (1, KEPT_FRESH)


@tried
@given(st.binary() | damaged(Detached.make(NH.ann, 1, SOUND.digest).to_bytes()))
def test_a_signature_of_any_bytes_is_one_or_malformed(content: bytes) -> None:
    """A file that is handed in is a signature in its one spelling, or refused."""
    try:
        found = Detached.from_bytes(content)
    except MalformedError:
        return
    assert found.to_bytes() == content


@tried
@given(st.binary() | damaged(BODY))
def test_a_body_of_any_bytes_though_signed_is_a_list_or_a_listed_error(body: bytes) -> None:
    """Steps 7 to 13 end in a list or an exact error, whatever people were fooled to sign."""
    content = signed_body(body).to_bytes()
    try:
        accepted = accept_signed(content, trusted=NH.trusted, now=NOW, limits=SMALL)
    except ListError:
        return
    again = [entry_to_line(each) for each in accepted.list.entries]
    assert body.split(b"\n")[1:-1] == again


@tried
@given(st.binary() | damaged(NH.keys.to_bytes()) | JSON.map(lambda value: json.dumps(value).encode()))
def test_a_key_set_of_any_bytes_is_one_or_a_listed_error(content: bytes) -> None:
    """A key set's file is read or refused, and what is read is written the same way."""
    try:
        keys = KeySet.from_bytes(content)
    except MalformedError:
        return
    assert KeySet.from_bytes(keys.to_bytes()) == keys


@tried
@given(JSON | st.dictionaries(st.sampled_from(sorted(entry_to_json(entry()))), JSON))
def test_an_entry_of_any_json_is_one_or_malformed(body: object) -> None:
    """The border of an entry lets nothing through that breaks a rule, and fails in one way only."""
    changed = entry_to_json(entry()) | body if isinstance(body, dict) else body
    try:
        found = entry_from_json(changed)
    except MalformedError:
        return
    assert entry_from_line(entry_to_line(found)) == found


@tried
@given(
    st.sampled_from(list(Format)),
    st.binary(max_size=400)
    | st.text(max_size=400).map(lambda text: b"plate,state,case,expires\n" + text.encode("utf-8", "replace"))
    | st.lists(st.text(alphabet="VNAB019 ,\"'=\n\r\t;", max_size=90)).map(
        lambda rows: "\n".join(rows).encode()
    ),
)
def test_a_file_of_any_bytes_gives_rows_refusals_or_one_error(kind: Format, content: bytes) -> None:
    """An importer never fails but as a whole file, and a row never but with a reason."""
    said = Given("aaaaaaaaaaaaaaaa", NOW, values={"source": "fuzz", "purpose": "stolen-plate"}, days=3)
    try:
        rows = list(READERS[kind](io.BytesIO(content)))
    except ImportFileError:
        return
    for row in rows:
        if isinstance(row, Refused | Unread):
            continue
        assert set(row.values) <= set(FIELDS)
        try:
            proposal = propose(row.values, said, entry_id="x")
        except RowError:
            continue
        assert entry_from_line(approved_line(proposal.body, "bbbb")).approver == "bbbb"


@tried
@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), st.text(max_size=80)))
def test_a_row_of_any_texts_is_a_sound_entry_or_a_reason(values: dict[str, str]) -> None:
    """What an importer hands over becomes an entry that a list accepts, or a reason without the texts."""
    said = Given("aaaaaaaaaaaaaaaa", NOW, values={"plate": "AB123"}, days=3)
    sound = {"purpose": "warrant", "case_number": "1", "source": "s"}
    try:
        proposal = propose(sound | values, said, entry_id="x")
    except RowError:
        return
    line = approved_line(proposal.body, "bbbb")
    assert entry_to_line(entry_from_line(line)) == line


@tried
@given(st.text(max_size=30) | st.text(alphabet=ALPHABET + ALPHABET.lower() + " -.·", max_size=16))
def test_a_plate_of_any_text_is_normal_or_refused(raw: str) -> None:
    """Normalising twice is normalising once; case, spaces and hyphens do not matter; a code brings it back."""
    try:
        plate = normalise(raw)
    except PlateError:
        return
    assert normalise(plate) == plate
    assert set(plate) <= set(ALPHABET)
    assert 2 <= len(plate) <= 10
    assert normalise(" - ".join(plate.lower())) == plate
    assert decode(encode(plate)) == plate


@pytest.mark.parametrize("letter", "АВЕКМНОРСТХΑΒΕΖΗΙΚΜΝΟΡΤΥΧＡ０ﬁ²①İß")
def test_letters_that_only_look_latin_are_refused(letter: str) -> None:
    """A Cyrillic, Greek, full-width or decorated letter is named and refused, not guessed."""
    with pytest.raises(PlateError, match="not Latin"):
        normalise("AB" + letter + "12")


@tried
@given(st.integers(-5, 2**64))
def test_a_code_of_any_number_is_a_plates_or_refused(code: int) -> None:
    """A number is one plate's code or none's."""
    try:
        assert encode(decode(code)) == code
    except PlateError:
        return


def test_memory_stays_under_the_documented_ceiling() -> None:
    """Reading a list takes at most four times its file and 8 MiB, even of one that inflates a thousandfold."""
    bomb = NH.seal(signed_body(BODY.split(b"\n")[0] + b"\n" * 60_000_000))
    long = NH.seal(NH.unsigned([entry(number) for number in range(4000)]).signed_by(NH.ann))
    noise = os.urandom(2_000_000)
    for content in (bomb, long, noise, b"[" * 2_000_000):
        tracemalloc.start()
        try:
            accept(content, device_key=NH.device, trusted=NH.trusted, now=NOW)
        except HotListError:
            assert content is not long
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 4 * len(content) + 8 * 1024**2


def test_an_import_never_holds_a_line_that_does_not_end() -> None:
    """A file without lines is refused at the ceiling of one line."""
    for reader in READERS.values():
        with pytest.raises(ImportFileError):
            list(reader(io.BytesIO(b"x" * 70_000)))
        deep = reader(io.BytesIO(b"plate\n" + b"[" * 60_000 + b"\n"))
        with contextlib.suppress(ImportFileError):  # the file is another kind's
            assert all(not isinstance(row, Row) or row.values for row in deep)


def test_canonical_json_is_the_same_from_both_writers() -> None:
    """The quick writer that checks lines and the plain one that makes them agree on every character."""
    text = "".join(map(chr, [*range(0x20, 0x7F), *range(0x80, 0x300), 0x2028, 0xFFFF, 0x1F600]))
    for start in range(0, len(text), 60):
        piece = entry(note=text[start : start + 60])
        accepted = accept_signed(
            NH.unsigned([piece]).signed_by(NH.ann).to_bytes(), trusted=NH.trusted, now=NOW
        )
        assert accepted.list.entries[0] == piece
    assert canonical({"b": 1, "a": "ü"}) == '{"a":"ü","b":1}'.encode()
    assert dataclasses.replace(entry(), created=datetime(2026, 1, 1, tzinfo=UTC)).created.tzinfo is UTC
    assert bundle.make([], department="x", version=1, issued=NOW, expires=NOW).digest
