"""The statement that adds or replaces a subject's row."""

from services.intake.decide.rows import KEY_COLUMNS, Table


def upsert(table: Table) -> str:
    """With a row's values as parameters; an older version never replaces a newer one."""
    key, values = table.columns[:KEY_COLUMNS], table.columns[KEY_COLUMNS:]
    return (
        f"insert into {table.name} ({', '.join(table.columns)})\n"
        f"values ({', '.join(f'${number}' for number in range(1, len(table.columns) + 1))})\n"
        f"on conflict ({', '.join(key)}) do update set {', '.join(f'{name} = excluded.{name}' for name in values)}\n"
        f"where {table.name}.version < excluded.version"
    )
