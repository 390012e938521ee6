"""Integers as sets of slots."""


def with_open_slot(bits: int, slot: int) -> int:
    """`bits` with a zero inserted at `slot`."""
    below = bits & ((1 << slot) - 1)
    return (bits ^ below) << 1 | below


def nth_set_bit(bits: int, number: int) -> int:
    """The place of the set bit that has `number` set bits below it: by halves, for there may be 20,000 mentors."""
    place, width = 0, bits.bit_length()
    while width > 1:
        half = width // 2
        below = bits & ((1 << half) - 1)
        count = below.bit_count()
        if number < count:
            bits, width = below, half
        else:
            number -= count
            bits >>= half
            place += half
            width -= half
    return place
