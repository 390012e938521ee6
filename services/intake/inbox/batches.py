"""The events of a JSON array, cut apart by their brackets, so that one that is not JSON does not spoil the others."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

MAX_NESTING: Final = 1_000
COMMAS_PER_ITEM: Final = 64
"""More than a usual event has. msgspec makes an object of some 90 bytes for each item before any can be counted."""
TOKENS_BETWEEN_PAUSES: Final = 10_000
"""Brackets, commas and strings that are walked before others get their turn: some 5 ms."""
_array: Final = msgspec.json.Decoder(list[msgspec.Raw])
_TOKEN: Final = re.compile(
    rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'  # a string; what is in it delimits nothing
    rb"|//[^\n]*+|/\*.*?\*/"  # a comment, which JSON does not have, delimits nothing either
    rb'|[][{},"]|/\*',  # what opens a string or a comment that does not end; the first ends the walk, which keeps it linear
    re.DOTALL,
)
_UNCLOSED: Final = (b'"', b"/*")
_CLOSING: Final = {b"[": b"]", b"{": b"}"}


class BatchUnreadable(ValueError):
    """The array itself cannot be read at byte `offset`, in the event with this `index` (both from 0)."""

    def __init__(self, offset: int, index: int) -> None:
        super().__init__(f"not a JSON array: byte {offset}, event {index}")
        self.offset = offset
        self.index = index


def split_batch(body: bytes, most: int) -> Iterator[msgspec.Raw | bytes]:
    """The items of `split_with_pauses`, without pauses."""
    return (item for item in split_with_pauses(body, most) if item is not None)


def split_with_pauses(body: bytes, most: int) -> Iterable[msgspec.Raw | bytes | None]:
    """The items of the array, each as its bytes; one that is not JSON is among them.

    None is no item: after it a caller in an event loop lets others have their turn, however long an item is.

    The usual array is cut by msgspec. Where that cannot read it, or where it may hold far more than the `most` items that the
    caller accepts, the items are cut one by one as the iterator advances, which raises `BatchUnreadable` at the place where
    it is no array. The caller stops after `most`.
    """
    if body.count(b",") > most * COMMAS_PER_ITEM:  # an array has at most one item more than commas
        return _cut(body)
    try:
        return _array.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return _cut(body)


def _cut(body: bytes) -> Iterator[bytes | None]:
    start = len(body) - len(body.lstrip())
    if body[start : start + 1] != b"[":
        raise BatchUnreadable(start, 0)
    item_start, index, open_brackets = start + 1, 0, [b"]"]
    for walked, token in enumerate(_TOKEN.finditer(body, start + 1), start=1):
        if walked % TOKENS_BETWEEN_PAUSES == 0:
            yield None
        mark = token[0]
        if mark in _UNCLOSED:
            raise BatchUnreadable(token.start(), index)
        if mark in _CLOSING:
            open_brackets.append(_CLOSING[mark])
            if len(open_brackets) > MAX_NESTING:
                raise BatchUnreadable(token.start(), index)
        elif mark in (b"]", b"}") and open_brackets.pop() != mark:
            raise BatchUnreadable(token.start(), index)
        if open_brackets and not (mark == b"," and len(open_brackets) == 1):
            continue
        item = body[item_start : token.start()].strip()
        if not item and not (mark == b"]" and index == 0):
            raise BatchUnreadable(token.start(), index)
        if item:
            yield item
        if not open_brackets:
            if rest := body[token.end() :].lstrip():
                raise BatchUnreadable(len(body) - len(rest), index)
            return
        item_start, index = token.end(), index + 1
    raise BatchUnreadable(len(body), index)
