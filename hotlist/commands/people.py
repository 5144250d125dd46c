"""Keys, the workbook and its people, and what a box trusts."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hitonly_core.errors import KeyFileError
from hitonly_core.keys import SealKey, SigningKey, VerifyKey
from hotlist.authoring.draft import Draft
from hotlist.commands.common import BOOK, AsJson, Book, read_keys, save, say
from hotlist.signed_list.keyset import KeySet, Person
from hotlist.signed_list.store import HotListStore


class KeyUse(StrEnum):
    """What a key is for."""

    SIGN = "sign"
    SEAL = "seal"


def keygen(
    use: Annotated[
        KeyUse, typer.Argument(help="sign: a person's or a device's signature. seal: opens files.")
    ],
    name: Annotated[Path, typer.Argument(help="Writes NAME.key, which stays here, and NAME.pub.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Make a pair of keys. Never over another."""
    private, public = name.with_name(name.name + ".key"), name.with_name(name.name + ".pub")
    if public.exists():
        raise KeyFileError(f"{public} is already there", hint="Keys are never replaced: choose another name.")
    if use is KeyUse.SIGN:
        signing = SigningKey.generate()
        signing.save(private)
        signing.public.save(public)
        key_id = signing.public.id
    else:
        sealing = SealKey.generate()
        sealing.save(private)
        sealing.public.save(public)
        key_id = sealing.public.id
    body = {"id": key_id, "private": str(private), "public": str(public), "use": use.value}
    say(f"key {key_id}: {private} (keep it, nobody else) and {public}", body, as_json=as_json)


def init(
    *,
    department: Annotated[str, typer.Option(help="The department's id; boxes take only its lists.")],
    person: Annotated[list[str], typer.Option(help="NAME=FILE.pub; once for each person.")],
    threshold: Annotated[int, typer.Option(min=1, help="How many people must sign a list; 2 is better.")] = 1,
    keys: Annotated[Path, typer.Option(help="Writes the key set that boxes are to trust.")] = Path(
        "keys.json"
    ),
    book: Book = BOOK,
    as_json: AsJson = False,
) -> None:
    """Begin a department's workbook."""
    people = []
    for each in person:
        name, equals, file = each.partition("=")
        if not equals:
            raise typer.BadParameter("a person is NAME=FILE.pub")
        people.append(Person(name, VerifyKey.load(Path(file))))
    key_set = KeySet.from_bytes(KeySet(threshold, tuple(people)).to_bytes())
    with Draft.create(book, department, key_set):
        save(keys, key_set.to_bytes())
    body = {"book": str(book), "department": department, "keys": str(keys), "people": len(people)}
    say(f"{book} and {keys} are made; {threshold} of {len(people)} must sign a list", body, as_json=as_json)


def trust(
    folder: Annotated[
        Path,
        typer.Argument(help="The box's folder of trust (`hotlist.signed_list.trust` in its configuration)."),
    ],
    *,
    department: Annotated[str, typer.Option(help="Whose lists the box takes.")],
    keys: Annotated[Path, typer.Option(help="The department's key set, from `init`.")],
    key: Annotated[Path, typer.Option("--key", "-k", help="The box's sealing key.")],
    as_json: AsJson = False,
) -> None:
    """On a box, once: trust a department and its first key set. Later ones arrive in signed lists."""
    HotListStore(folder, SealKey.load(key)).begin(department, read_keys(keys))
    body = {"department": department, "folder": str(folder)}
    say(f"{folder} trusts {department}", body, as_json=as_json)
