"""What is different between two lists, entry by entry."""

from collections.abc import Iterator, Mapping

from hotlist.entry import Entry, entry_to_line
from hotlist.signed_list.bundle import HotList

WORDS = ("added", "changed", "removed")


def by_id(hot_list: HotList) -> dict[str, Entry]:
    """Return a list's entries by their ids."""
    return {entry.id: entry for entry in hot_list.entries}


def differences(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> Iterator[tuple[str, Entry]]:
    """Yield each entry that is not the same in both, with one of `WORDS`; a changed one as it is afterwards."""
    for entry_id in sorted(before.keys() | after.keys()):
        if entry_id not in before:
            yield "added", after[entry_id]
        elif entry_id not in after:
            yield "removed", before[entry_id]
        elif entry_to_line(before[entry_id]) != entry_to_line(after[entry_id]):
            yield "changed", after[entry_id]
