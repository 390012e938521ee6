"""`python -m tests.faults.instrumented <service>`: a service as it is, with short time-outs, that can be told where to die.

RAHNAMA_VICTIM_CONTROL names the file that arms it; RAHNAMA_VICTIM_RELEASE=next makes it one of the next release;
RAHNAMA_VICTIM_ROGUE=1 lets its relay publish every partition, whoever leads it.
"""

import os
import runpy
import sys
from pathlib import Path

from tests.faults.points import Trap, install
from tests.faults.releases import read_next_version, write_next_version
from tests.faults.times import shorten


def believe_to_lead() -> None:
    """Every partition is won at the first heartbeat, although somebody else may hold its lock."""
    from shared.relay import leadership

    asked = leadership.QUERIES["beat"]
    won = asked.replace("pg_try_advisory_lock($1, log_head.partition::int)", "($1::int is not null)")
    assert won != asked
    leadership.QUERIES = {**leadership.QUERIES, "beat": won}  # type: ignore[misc]


def main(service: str) -> None:
    """Runs the service to its end."""
    trap = Trap(Path(os.environ["RAHNAMA_VICTIM_CONTROL"]))
    trap.listen()
    if os.environ.get("RAHNAMA_VICTIM_RELEASE") == "next":  # before anything reads the names
        write_next_version()
        read_next_version()
    shorten(service)
    install(service, trap)
    if os.environ.get("RAHNAMA_VICTIM_ROGUE"):
        believe_to_lead()
    sys.argv = [f"services.{service}"]
    runpy.run_module(f"services.{service}", run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1])
