"""Where in the code an error arose, for log lines."""

import traceback
from typing import Final

FRAMES: Final = 4


def places(error: BaseException) -> list[str]:
    """`file:line` of the last four frames, innermost last, without the error's message, which may hold data."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename}:{frame.lineno}" for frame in frames[-FRAMES:]]
