"""What the module of a fact's type defines; `messages.py` lists all of them."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from services.allocation.decide.state import Cause, Needs, Pool
from shared.contracts.decisions import Decision


class FactType(NamedTuple):
    """A type of fact. Manager and roster facts have none: they change nothing here."""

    needs: Callable[[Pool | None, str, Any, Needs], None]
    """(the tenant's pool, if there is one; the tenant; the fact; what is needed so far) Adds the rows to load."""
    evolve: Callable[[Pool, Cause, Any], None]
    """What the fact itself does to the pool, in place."""
    decide: Callable[[Pool, Any], Iterator[Decision]]
    """The decisions that it leads to, one at a time; the fact is in the pool already. Changes nothing."""
