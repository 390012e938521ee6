"""The process that is fuzzed: `python -m tests.fuzz.events.engine FOLDER INPUTS SEED ENGINE`.

atheris keeps inputs that reach new branches of intake's and shared's code, and mutates those; without it (it has wheels
for Linux on x86-64 alone) the golden events, and some of what came of them, are mutated.
"""

import os
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.fuzz.events.inputs import MOST_BYTES, Input, pack, seeds, unpack
from tests.fuzz.events.mutations import flip_bytes, mutate, mutate_packed
from tests.fuzz.events.tally import Tally

if TYPE_CHECKING:
    from tests.fuzz.events.target import Target

COVERED: Final = ("services.intake", "shared")
TIMEOUT_SECONDS: Final = 60
"""For one input; then the process ends, and the run has failed."""
MEMORY_MIB: Final = 2048
POOL: Final = 600
KEPT: Final = 0.02
"""Share of inputs that are mutated further, without coverage to choose by."""


def meet(target: "Target", tally: Tally, made: Input) -> None:
    """One input, counted."""
    began = time.perf_counter()
    try:
        outcomes = target.meet(made)
    except Exception as error:
        tally.fail(made, error, time.perf_counter() - began)
    else:
        tally.add(made.door, outcomes, time.perf_counter() - began)


def fuzz_by_seed(target: "Target", tally: Tally, inputs: int, seed: int) -> None:
    """The golden events first, then their mutations: the same for the same seed."""
    draw = random.Random(seed)
    pool = seeds()
    golden = len(pool)
    for made in pool[:inputs]:
        meet(target, tally, made)
    while tally.count < inputs:
        made = mutate(draw, draw.choice(pool), flip_bytes)
        if draw.random() < KEPT:
            if len(pool) > POOL:
                del pool[golden : golden + POOL // 2]
            pool.append(made)
        meet(target, tally, made)


def fuzz_by_coverage(tally: Tally, inputs: int, seed: int) -> None:
    """Does not return: the engine is the process."""
    import atheris

    with atheris.instrument_imports(include=list(COVERED)):
        from tests.fuzz.events.target import Target
    target, corpus = Target(), seeds()
    folder = tally.folder / "corpus"
    folder.mkdir()
    for number, made in enumerate(corpus):
        (folder / f"golden-{number}").write_bytes(pack(made))

    def flip(_: random.Random, value: bytes) -> bytes:
        return bytes(atheris.Mutate(value, min(len(value) + 64, MOST_BYTES)))

    def mutated(packed: bytes, most: int, number: int) -> bytes:
        made = pack(mutate_packed(random.Random(number), packed, flip, corpus))
        return made if len(made) <= most else packed

    def one(packed: bytes) -> None:
        made = unpack(packed)
        if made is not None:
            meet(target, tally, made)
        if tally.count >= inputs:
            tally.write()
            os._exit(0)

    options = {
        "seed": seed or 1,
        "max_len": 2 * MOST_BYTES,
        "len_control": 0,
        "timeout": TIMEOUT_SECONDS,
        "rss_limit_mb": MEMORY_MIB,
        "artifact_prefix": f"{tally.folder}/",
        "reload": 0,
    }
    arguments = [f"-{name}={value}" for name, value in options.items()]
    atheris.Setup(["fuzz-events", *arguments, str(folder)], one, custom_mutator=mutated)
    atheris.Fuzz()


def main(folder: str, inputs: str, seed: str, engine: str) -> None:
    """Writes `tally.json` to the folder when it has met all inputs."""
    tally = Tally(Path(folder))
    if engine == "atheris":
        fuzz_by_coverage(tally, int(inputs), int(seed))
    from tests.fuzz.events.target import Target

    fuzz_by_seed(Target(), tally, int(inputs), int(seed))
    tally.write()


if __name__ == "__main__":
    main(*sys.argv[1:])
