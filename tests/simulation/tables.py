"""What is committed: rows by primary key, the unique indexes over them, and copies of all of it."""

from collections.abc import Mapping, Sequence

from tests.simulation.schema import Key, Row, Schema

Snapshot = Mapping[str, Mapping[Key, Row]]


class Tables:
    """Rows are never changed in place, so that a copy of the tables is a snapshot."""

    def __init__(self, schema: Schema) -> None:
        self.specs = schema.tables
        self.tables: dict[str, dict[Key, Row]] = {
            name: {spec.key_of(row): row for row in schema.first_rows.get(name, ())}
            for name, spec in schema.tables.items()
        }
        self._indexes = {
            name: [(f"{name}_pkey", spec.key), *spec.uniques.items()] for name, spec in schema.tables.items()
        }
        self._unique: dict[tuple[str, str], dict[Key, Key]] = {}
        self._index_anew()

    def indexes(self, table: str) -> Sequence[tuple[str, tuple[str, ...]]]:
        """Every unique index by name, the primary key first."""
        return self._indexes[table]

    def index(self, table: str, name: str) -> Mapping[Key, Key]:
        """The primary keys by the committed values of a unique index."""
        return self._unique[table, name]

    def copy_tables(self) -> dict[str, Mapping[Key, Row]]:
        """What is committed now; rows are never changed in place."""
        return {name: dict(rows) for name, rows in self.tables.items()}

    def take_over(self, snapshot: Snapshot) -> None:
        """The tables as a snapshot has them."""
        self.tables = {name: dict(rows) for name, rows in snapshot.items()}
        self._index_anew()

    def apply(self, writes: Mapping[str, Mapping[Key, Row | None]]) -> None:
        """Commits; None: the row is deleted."""
        for table, rows in writes.items():
            kept = self.tables[table]
            for name, columns in self._indexes[table]:
                values = self._unique[table, name]
                for key, row in rows.items():
                    if (old := kept.get(key)) is not None:
                        values.pop(tuple([old[column] for column in columns]), None)
                    if row is not None:
                        values[tuple([row[column] for column in columns])] = key
            for key, row in rows.items():
                if row is None:
                    kept.pop(key, None)
                else:
                    kept[key] = row

    def _index_anew(self) -> None:
        for table, indexes in self._indexes.items():
            for name, columns in indexes:
                rows = self.tables[table].items()
                self._unique[table, name] = {tuple([row[c] for c in columns]): key for key, row in rows}
