"""The answers that were given, for who asks again."""

from services.intake.append.answer import Answer
from services.intake.append.store import load_answers
from shared.postgres import Pool


class Answers:
    """Reads the idempotency table outside the writer's transactions."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(self, *keys: bytes) -> Answer | None:
        """The answer under the first of `keys` that has one."""
        async with self._pool.acquire() as connection:
            found = await load_answers(connection, keys)
        return next((found[key] for key in keys if key in found), None)
