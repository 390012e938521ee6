"""How long one transaction takes that reissues many: a roster its students, a manager its mentors; and its memory.

RAHNAMA_TEST_POSTGRES=… python -m tests.tools.bench.reissue_rate [students] [mentors]
"""

import asyncio
import os
import sys
import time
from pathlib import Path
from random import Random

from services.intake.append.idempotency import Result
from tests.integration.intake.harness import Event, event, prepare
from tests.integration.intake.histories import Maker
from tests.integration.intake.instances import Instance, instance, new_master
from tests.servers import PostgresCluster

TENANT = "default"
BATCH = 500
PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_megabytes() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1e6


async def send_all(at: Instance, events: list[Event]) -> None:
    for start in range(0, len(events), BATCH):
        results = await at.send(events[start : start + BATCH])
        assert {result.status for result in results} == {"accepted"}


async def timed(what: str, at: Instance, body: Event) -> Result:
    before, started, cpu = resident_megabytes(), time.perf_counter(), time.process_time()
    [result] = await at.send([body])
    assert result.status == "accepted", result
    seconds, used = time.perf_counter() - started, time.process_time() - cpu
    print(
        f"{what}: {result.reissued or 0} reissued in {seconds:.2f} s ({used:.2f} s CPU here);"
        f" {before:.0f} MB resident before, {resident_megabytes():.0f} MB after"
    )
    return result


async def measure(students: int, mentors: int) -> None:
    cluster = PostgresCluster(os.environ["RAHNAMA_TEST_POSTGRES"])
    async with cluster.fresh() as databases:
        await prepare(databases.intake)
        make = Maker(Random(1), (TENANT,))
        async with instance(databases.intake, new_master(), (TENANT,)) as writer:
            await send_all(
                writer, [make.student(number, year=1404, school_code=101) for number in range(students)]
            )
            await send_all(writer, [make.mentor(1 + number, manager_id=7) for number in range(mentors)])
            source = f"/upstream/{TENANT}"
            for name, codes in (("first", [101]), ("second", [])):
                told = {"year": 1404, "school_codes": codes}
                body = event("school-roster.published", name, told, source=source)
                await timed(f"a roster of {students} students, {name}", writer, body)
            for name, centers in (("first", [0]), ("second", [1])):
                told = {"manager_id": 7, "is_active": True, "centers": centers}
                body = event("manager.registered", f"manager-{name}", told, source=source)
                await timed(f"a manager of {mentors} mentors, {name}", writer, body)
            one = make.student(1, year=1404, gender=0)
            await writer.send([one])
            started = time.perf_counter()
            [result] = await writer.send([make.student(1, year=1404, gender=1)])
            print(f"one move: {len(result.facts)} facts in {(time.perf_counter() - started) * 1000:.1f} ms")


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    asyncio.run(measure(*[*arguments, *(10_000, 1_000)[len(arguments) :]]))
