"""How much each benchmark does: in full, and just enough to see that it works."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """Students, unless a name says otherwise."""

    engine_mentors: tuple[int, ...] = (500, 2_000, 20_000)
    engine_students: int = 30_000
    engine_naive_students: int = 20
    alone: int = 60_000
    whole: tuple[int, ...] = (10_000, 100_000, 300_000)
    whole_repeats: int = 3
    """Of those up to 10,000, which are over in two seconds."""
    proof_up_to: int = 100_000
    probes: int = 200
    calibration: int = 20_000
    half_load_seconds: float = 45.0
    singles: int = 3_000
    singles_warm_up: int = 400
    """One after the other, and not counted: Kafka compiles its code meanwhile."""
    singles_per_second: float = 100.0
    idle_seconds: float = 15.0
    tracing: int = 176_000
    """Of a round, in so many blocks, the first of which is not counted."""
    tracing_blocks: int = 11
    tracing_rounds: int = 2


FULL = Sizes()
SMALL = Sizes(
    engine_mentors=(50, 100),
    engine_students=1_000,
    engine_naive_students=10,
    alone=4_000,
    whole=(600, 1_200),
    whole_repeats=1,
    proof_up_to=1_200,
    probes=5,
    calibration=1_500,
    half_load_seconds=3.0,
    singles=60,
    singles_warm_up=20,
    singles_per_second=30.0,
    idle_seconds=1.0,
    tracing=1_200,
    tracing_blocks=2,
    tracing_rounds=1,
)
