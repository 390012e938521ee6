"""Query and path parameters: only known ones, each single one once, and numbers as digits within their limits.

FastAPI ignores a parameter that a route does not declare, takes the last of several values, and reads ` 10`, `+10` and
`1_0` as 10: each would answer another question than the caller asked.
"""

import re
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain, islice
from typing import Annotated, Any, Final, Union, cast, get_args, get_origin

from annotated_types import Ge, Le
from fastapi.dependencies.models import Dependant
from pydantic.fields import FieldInfo
from starlette.requests import Request

from shared.errors import FieldError, Rejected
from shared.http.validation import MAX_ERRORS, code_of

PARAMETER_UNKNOWN: Final = "PARAMETER_UNKNOWN"
PARAMETER_REPEATED: Final = "PARAMETER_REPEATED"
MAX_COMPARED_CHARACTERS: Final = 64
_SHOWN_NAME: Final = re.compile("[a-z_]{1,40}")
"""An unknown name that is repeated. Any other one may be a value in the wrong place, such as a national ID."""
_INTEGER: Final = re.compile("-?[0-9]{1,19}")
_NEAREST: Final = 0.5
"""difflib's ratio from which a name is close enough to be suggested."""


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number's limits; None: there is none."""

    least: int | None
    most: int | None

    def allows(self, text: str) -> bool:
        """Whether `text` is digits, and within the limits."""
        if _INTEGER.fullmatch(text) is None:
            return False
        value = int(text)
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    @property
    def expected(self) -> str:
        """The limits in words."""
        if self.least is None or self.most is None:
            return "an integer"
        return f"an integer from {self.least} to {self.most}, written in digits"


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a route declares: the names in its query, those that may be repeated, and its numbers."""

    names: tuple[str, ...]
    repeatable: frozenset[str]
    query_integers: Mapping[str, Integer]
    path_integers: Mapping[str, Integer]

    def check(self, request: Request) -> None:
        """Raises `Rejected` (422) with at most `MAX_ERRORS` errors."""
        if not self._applies(request):
            return
        # No error is made that is not answered: each of an unknown name compares it with all known ones.
        found = chain(self._path_errors(request), self._query_errors(request))
        errors = tuple(islice(found, MAX_ERRORS))
        if errors:
            code = errors[0].code if len(errors) == 1 else Rejected.code
            raise Rejected("The request does not fit; see `errors`.", code=code, errors=errors)

    def _applies(self, request: Request) -> bool:
        return bool(request.scope["query_string"] or self.path_integers)

    def _path_errors(self, request: Request) -> Iterator[FieldError]:
        for name, integer in self.path_integers.items():
            if not integer.allows(request.path_params[name]):
                yield _not_integer("path", name, integer)

    def _query_errors(self, request: Request) -> Iterator[FieldError]:
        given: dict[str, list[str]] = {}
        for name, value in request.query_params.multi_items():
            given.setdefault(name, []).append(value)
        for name, values in given.items():
            if name not in self.names:
                yield self._unknown(name)
            elif len(values) > 1 and name not in self.repeatable:
                yield FieldError(f"/query/{name}", PARAMETER_REPEATED, "It must be given once.")
            elif name in self.query_integers and not self.query_integers[name].allows(values[0]):
                yield _not_integer("query", name, self.query_integers[name])

    def _unknown(self, name: str) -> FieldError:
        shown = name if _SHOWN_NAME.fullmatch(name) else ""
        nearest = get_close_matches(name[:MAX_COMPARED_CHARACTERS], self.names, n=1, cutoff=_NEAREST)
        if nearest:
            hint = f"did you mean `{nearest[0]}`?"
        elif self.names:
            hint = f"the known ones are {', '.join(f'`{known}`' for known in self.names)}."
        else:
            hint = "there are none here."
        what = f"`{shown}` is not a known parameter" if shown else "There is an unknown parameter"
        return FieldError(f"/query/{shown}", PARAMETER_UNKNOWN, f"{what}; {hint}")


def parameters_of(dependant: Dependant | None) -> Parameters:
    """What a route and its dependencies declare."""
    names: dict[str, None] = {}
    repeatable: set[str] = set()
    query: dict[str, Integer] = {}
    path: dict[str, Integer] = {}
    for one in _flat(dependant):
        for field in one.query_params:
            names[field.alias] = None
            if _is_sequence(field.field_info.annotation):
                repeatable.add(field.alias)
            elif (integer := _integer(field.field_info)) is not None:
                query[field.alias] = integer
        for field in one.path_params:
            if (integer := _integer(field.field_info)) is not None:
                path[field.alias] = integer
    return Parameters(tuple(names), frozenset(repeatable), query, path)


def _flat(dependant: Dependant | None) -> Iterator[Dependant]:
    if dependant is not None:
        yield dependant
        for inner in dependant.dependencies:
            yield from _flat(inner)


def _is_sequence(annotation: Any) -> bool:
    return any(get_origin(part) in (list, set, tuple) for part in _alternatives(annotation))


def _integer(field: FieldInfo) -> Integer | None:
    """The limits of a whole number, wherever its annotation has them; None for what is none."""
    metadata: list[Any] = list(field.metadata)
    found = False
    for part in _alternatives(field.annotation):
        found = found or part is int
        if get_origin(part) is Annotated:
            kind, *inner = get_args(part)
            found = found or kind is int
            metadata += inner
    if not found:
        return None
    limits = list(_limits(metadata))
    return Integer(
        max((cast(int, limit.ge) for limit in limits if isinstance(limit, Ge)), default=None),
        min((cast(int, limit.le) for limit in limits if isinstance(limit, Le)), default=None),
    )


def _limits(metadata: Sequence[Any]) -> Iterator[Any]:
    for item in metadata:
        if isinstance(item, FieldInfo):
            yield from _limits(item.metadata)
        elif isinstance(item, Ge | Le):
            yield item


def _alternatives(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) in (Union, types.UnionType):
        for part in get_args(annotation):
            yield from _alternatives(part)
    else:
        yield annotation


def _not_integer(where: str, name: str, integer: Integer) -> FieldError:
    return FieldError(f"/{where}/{name}", code_of(name), f"It must be {integer.expected}.")
