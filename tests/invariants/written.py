"""Every place where something is kept, with its bytes: what is looked through for personal data."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.invariants.evidence import Row


def topic_pieces(topics: Mapping[str, Sequence[Any]]) -> Iterator[tuple[str, bytes]]:
    """A piece for each topic: keys, values and headers of all its records."""
    for topic, records in topics.items():
        content = [
            part
            for record in records
            for part in (
                record.key or b"",
                record.value or b"",
                *(name.encode() + b": " + (content or b"") for name, content in record.headers),
            )
        ]
        yield f"topic {topic}", b"\n".join(content)


def table_pieces(databases: Mapping[str, Mapping[str, Sequence[Row]]]) -> Iterator[tuple[str, bytes]]:
    """A piece for each column of each table."""
    for service, tables in databases.items():
        for table, rows in tables.items():
            for column in rows[0] if rows else ():
                cells = (row[column] for row in rows)
                content = b"\n".join(
                    cell if isinstance(cell, bytes) else f"{cell}".encode() for cell in cells
                )
                yield f"{service}'s {table}.{column}", content


def file_pieces(files: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """A piece for each file."""
    for file in files:
        yield f"file {file.name}", file.read_bytes()
