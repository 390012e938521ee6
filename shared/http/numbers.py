"""Whole numbers and texts that the database can hold: what does not fit is refused at the edge, not by a driver.

For pydantic (parameters, bodies) and msgspec (cursors) alike.
"""

from typing import Annotated

import msgspec
from pydantic import Field, StringConstraints

INT2_MAX = 2**15 - 1
INT4_MAX = 2**31 - 1
INT8_MAX = 2**63 - 1

Int2 = Annotated[int, Field(ge=-INT2_MAX - 1, le=INT2_MAX), msgspec.Meta(ge=-INT2_MAX - 1, le=INT2_MAX)]
"""A year or a partition in a cursor: what a `smallint` column holds."""
Int4 = Annotated[int, Field(ge=-INT4_MAX - 1, le=INT4_MAX), msgspec.Meta(ge=-INT4_MAX - 1, le=INT4_MAX)]
PositiveInt4 = Annotated[int, Field(ge=1, le=INT4_MAX), msgspec.Meta(ge=1, le=INT4_MAX)]
"""A year, a mentor's or a manager's id."""
Year = Annotated[int, Field(ge=1, le=9999)]
"""A Jalali academic year."""
GenderCode = Annotated[int, Field(ge=0, le=1)]
CenterCode = Annotated[int, Field(ge=0, le=INT4_MAX)]
CountInt8 = Annotated[int, Field(ge=0, le=INT8_MAX), msgspec.Meta(ge=0, le=INT8_MAX)]
"""A sequence or an offset."""
PartitionNumber = Annotated[int, Field(ge=0, le=255), msgspec.Meta(ge=0, le=255)]
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00]*$")]
"""1 to 256 characters, none of them NUL."""
