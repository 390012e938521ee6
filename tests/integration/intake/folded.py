"""Intake's read models, folded from its log with nothing of the product's own code, and compared with its tables."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from infra.local.databases import ServiceDatabase
from tests.integration.intake.instances import rows

LOG: Final = (
    "select partition, sequence, type, tenant, subject, version, value, causation_id from log order by 1, 2"
)
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "mentors": (
        "gender", "type", "capacity", "active", "alias_code", "manager_id", "manager_centers", "groups", "centers",
        "schools", "version", "partition", "sequence",
    ),
    "managers": ("is_active", "centers", "version", "partition", "sequence"),
    "school_rosters": ("school_codes", "version", "partition", "sequence"),
    "students": ("gender", "version"),
    "student_years": (
        "gender", "edu_status", "reg_center", "reg_status", "group_code", "school_code", "student_type", "version",
        "partition", "sequence", "is_withdrawn", "arrival_female", "arrival_male",
    ),
}  # fmt: skip
KEYS: Final = {
    "mentors": "mentor_id", "managers": "manager_id", "school_rosters": "year", "students": "student_id",
    "student_years": "student_id, year",
}  # fmt: skip

Table = dict[tuple[Any, ...], dict[str, Any]]


def fold(log: Sequence[Mapping[str, Any]]) -> dict[str, Table]:
    """Of each subject the facts by version; they must be dense, and of a student tell of one pool at a time."""
    tables: dict[str, Table] = {name: {} for name in COLUMNS}
    histories: dict[tuple[str, str], list[tuple[int, Mapping[str, Any]]]] = {}
    for row in log:
        histories.setdefault((row["tenant"], row["subject"]), []).append((row["version"], row))
    for (tenant, subject), history in histories.items():
        history.sort(key=lambda item: item[0])
        assert [version for version, _ in history] == list(range(1, len(history) + 1)), (tenant, subject)
        for _, row in history:
            _take(tables, tenant, row)
    return tables


def _take(tables: dict[str, Table], tenant: str, row: Mapping[str, Any]) -> None:
    event = msgspec.json.decode(row["value"])
    place = {"partition": row["partition"], "sequence": row["sequence"]}
    data = {**event["data"], **place}
    match event["type"].removeprefix("rahnama.intake.").removesuffix(".v1"):
        case "mentor.registered":
            tables["mentors"][tenant, data["mentor_id"]] = data
        case "manager.registered":
            tables["managers"][tenant, data["manager_id"]] = data
        case "school-roster.published":
            tables["school_rosters"][tenant, data["year"]] = data
        case "student.registered":
            _register(tables, tenant, data)
        case "student.withdrawn":
            year = tables["student_years"][tenant, data["student_id"], data["year"]]
            assert not year["is_withdrawn"], "withdrawn twice"
            assert year["gender"] == data["gender"], "left a pool that it was not in"
            year.update(version=data["version"], is_withdrawn=True, **place)
            tables["students"][tenant, data["student_id"]]["version"] = data["version"]
        case other:
            raise AssertionError(other)


def _register(tables: dict[str, Table], tenant: str, data: dict[str, Any]) -> None:
    key = (tenant, data["student_id"], data["year"])
    before = tables["student_years"].get(key)
    if before is not None and not before["is_withdrawn"]:
        assert before["gender"] == data["gender"], "in two pools at once"
    arrivals = {name: before[name] if before else None for name in ("arrival_female", "arrival_male")}
    mine = ("arrival_female", "arrival_male")[data["gender"]]
    if arrivals[mine] is None:
        arrivals[mine] = data["sequence"]
    tables["student_years"][key] = {**data, **arrivals, "is_withdrawn": False}
    tables["students"][tenant, data["student_id"]] = {"gender": data["gender"], "version": data["version"]}


async def require_projections(database: ServiceDatabase) -> None:
    """Every table is what the log makes of it."""
    for name, folded in fold(await rows(database, LOG)).items():
        columns, keys = COLUMNS[name], KEYS[name].split(", ")
        kept = {}
        for row in await rows(database, f"select tenant, {KEYS[name]}, {', '.join(columns)} from {name}"):
            plain = {key: str(value) if key == "student_id" else value for key, value in row.items()}
            kept[plain["tenant"], *(plain[key] for key in keys)] = {
                column: plain[column] for column in columns
            }
        expected = {key: {column: value[column] for column in columns} for key, value in folded.items()}
        assert kept == expected, name
    await _require_nothing_stale(database)


async def _require_nothing_stale(database: ServiceDatabase) -> None:
    """What is derived from managers and rosters is what they say in the end."""
    stale = await rows(
        database,
        "select m.tenant, m.mentor_id from mentors m left join managers g using (tenant, manager_id)"
        " where m.manager_centers is distinct from case when m.manager_id is null then null"
        " when g.is_active then g.centers else '{}'::integer[] end",
    )
    assert not stale, stale
    stale = await rows(
        database,
        "select y.tenant, y.student_id, y.year from student_years y left join school_rosters r using (tenant, year)"
        " where not y.is_withdrawn and (y.student_type = 1) is distinct from"
        " coalesce(y.school_code = any(r.school_codes), false)",
    )
    assert not stale, stale
