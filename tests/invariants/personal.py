"""I9: personal data goes in by the doors and comes out nowhere."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final

from tests.invariants.evidence import Evidence, told

DIGITS: Final = re.compile(rb"(?<![0-9A-Za-z+/_-])[0-9]{10,11}(?![0-9A-Za-z+/=_-])")
"""A run that may be a national ID or a mobile; not within hex or base64."""


def i9_personal_data_only_where_it_belongs(evidence: Evidence) -> None:
    """I9: of nobody's personal data is anything written but on `rahnama.inbound`; who is erased has no key any more."""
    erased = {
        (fact.tenant, fact.subject) for fact in told(evidence).all_facts if fact.kind == "student.erased"
    }
    left = erased & {(row["tenant"], row["subject"]) for row in evidence.intake["subject_keys"]}
    assert not left, f"{min(left)} was erased and has a key"
    personal = evidence.personal
    require_absent(personal.values, personal.written, numbers=personal.numbers)


def require_absent(
    values: Sequence[str],
    written: Iterable[tuple[str, bytes]],
    *,
    numbers: frozenset[bytes] = frozenset(),
) -> int:
    """None of it stands in any of `written`; returns how many pieces were looked through."""
    pieces = 0
    for place, content in written:
        pieces += 1
        for value, spelling in spellings(tuple(values)):
            assert spelling not in content, f"{place} holds {value!r}"
        if numbers:
            found = numbers.intersection(DIGITS.findall(content))
            assert not found, f"{place} holds {min(found)!r}"
    return pieces


@lru_cache(maxsize=64)
def spellings(values: tuple[str, ...]) -> tuple[tuple[str, bytes], ...]:
    """Each value in UTF-8, and with the escapes that JSON, Python and Postgres have for other letters."""
    return tuple(_spellings(values))


def _spellings(values: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    for value in values:
        escaped = json.dumps(value)[1:-1]
        for spelling in sorted({value, escaped, escaped.upper().replace("\\U", "\\u")}):
            yield value, spelling.encode()
