"""Whether a workbook is what its people signed: every signature and every change again."""

import sqlite3

from hitonly_core.keys import VerifyKey
from hotlist.authoring.changes import State, approval_message, change_message
from hotlist.authoring.draft import ALONE, Draft, apply_rows
from hotlist.authoring.workbook import ENTRIES
from hotlist.errors import DraftError

_HINT = "Somebody or something wrote in the file by other means. Go back to a copy, and find out who."


def check(draft: Draft) -> int:
    """Verify the workbook's whole history; return how many changes were applied.

    1. every change's signature is its author's, over the rows as they are;
    2. every applied change that adds or edits has another person's signature of approval;
    3. carrying the applied changes out again, in their order, gives the entries in force.

    Raises:
        DraftError: one of these does not hold, with the change's number.
    """
    database = draft.database
    names, keys = {}, {}
    for key_id, text, name in database.execute("SELECT key_id, key, name FROM people"):
        names[key_id], keys[key_id] = name, VerifyKey.from_text(text)
        if keys[key_id].id != key_id:
            raise DraftError("a key in the table of people has another's id", hint=_HINT)
    database.execute("DROP TABLE IF EXISTS temp.again")
    database.execute(ENTRIES.format(kind="TEMP", name="again"))
    changes = database.execute(
        "SELECT number, author, signature, state, approver, approved_at, approval,"
        " (SELECT count(*) FROM rows WHERE change = number AND kind <> 'cancel'),"
        " (SELECT count(*) FROM rows WHERE change = number)"
        " FROM changes ORDER BY applied IS NULL, applied, number"
    ).fetchall()
    applied = 0
    for number, author, signature, state, approver, at, approval, listing, rows in changes:
        digest = draft.digest(number)
        if author not in keys or not keys[author].verifies(signature, change_message(digest)):
            raise DraftError(f"change {number} is not what its author signed", hint=_HINT)
        if state != State.APPLIED:
            continue
        if listing or rows > ALONE:
            approved = approver in keys and keys[approver].verifies(approval, approval_message(digest, at))
            if not approved or names[approver] == names[author]:
                raise DraftError(f"change {number} took effect without another person's approval", hint=_HINT)
        _again(database, number, approver)
        applied += 1
    (differences,) = database.execute(
        "SELECT (SELECT count(*) FROM (SELECT * FROM entries EXCEPT SELECT * FROM temp.again))"
        " + (SELECT count(*) FROM (SELECT * FROM temp.again EXCEPT SELECT * FROM entries))"
    ).fetchone()
    database.execute("DROP TABLE temp.again")
    if differences:
        raise DraftError(f"{differences} entries in force do not follow from the signed changes", hint=_HINT)
    return applied


def _again(database: sqlite3.Connection, number: int, approver: str) -> None:
    try:
        apply_rows(database, "temp.again", number, approver)
    except sqlite3.IntegrityError:
        raise DraftError(f"change {number} adds what is there already", hint=_HINT) from None
