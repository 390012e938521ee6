"""Which partition a pool's events stand in. The same number in intake's log, on Kafka and in allocation."""

import zlib
from typing import Final

DEFAULT_COUNT: Final = 12
FEMALE: Final = 0
MALE: Final = 1


def pool_partition(tenant: str, gender: int, count: int) -> int:
    """(2 · CRC-32(tenant) + gender) mod count; what has no gender goes with gender 0.

    `count` is even, so that both genders of a tenant never share a partition.
    """
    return (2 * zlib.crc32(tenant.encode()) + gender) % count


def require_even(count: int) -> int:
    """`count` itself, if it is a partition count that keeps the genders of a tenant apart (even, 2..256)."""
    if count % 2 or not 2 <= count <= 256:
        raise ValueError(f"the number of partitions must be even and from 2 to 256, not {count}")
    return count
