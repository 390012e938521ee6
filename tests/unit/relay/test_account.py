"""Which offsets are accounted for: by acknowledgement, or by reading."""

from hypothesis import given
from hypothesis import strategies as st

from shared.relay.producer import MOST_RANGES, Account


def begun(end: int = 0) -> Account:
    account = Account()
    account.look(0, end)
    return account


def test_acknowledged_batches_leave_nothing_to_read() -> None:
    account = begun(10)
    account.acknowledged(10, 5)
    account.acknowledged(15, 2)
    assert account.unknown(17) is None
    assert account.unknown(19) == (17, 19)


def test_what_lies_before_an_acknowledged_batch_is_read_and_the_batch_is_not() -> None:
    account = begun(10)
    account.acknowledged(12, 5)
    assert account.unknown(20) == (10, 12)
    account.compared(12)
    assert account.unknown(20) == (17, 20)


def test_a_partition_that_became_shorter_is_accounted_for_from_its_end_on() -> None:
    account = begun(10)
    account.look(0, 3)
    assert account.unknown(4) == (3, 4)


def test_deleted_records_need_no_reading() -> None:
    account = begun(10)
    account.look(14, 20)
    assert account.unknown(20) == (14, 20)


def test_nothing_is_unknown_before_the_first_look_and_after_a_lost_session() -> None:
    account = Account()
    account.acknowledged(4, 2)
    assert account.unknown(9) is None
    account.look(0, 9)
    account.forget()
    assert account.unknown(20) is None


def test_acknowledged_ranges_are_bounded() -> None:
    account = begun()
    for number in range(2 * MOST_RANGES):
        account.acknowledged(2 * number + 1, 1)
    assert account.unknown(10_000) == (0, 2 * MOST_RANGES + 1)


@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 4)), max_size=30),
    st.lists(st.integers(0, 29), max_size=30),
)
def test_exactly_the_offsets_that_were_not_acknowledged_are_read(
    writes: list[tuple[bool, int]], order: list[int]
) -> None:
    account, end, foreign = begun(), 0, set[int]()
    own: list[tuple[int, int]] = []
    for is_own, count in writes:
        if is_own:
            own.append((end, count))
        else:
            foreign |= set(range(end, end + count))
        end += count
    for first, count in own:  # acknowledgements come in order; between them something may be read
        account.acknowledged(first, count)
    read = set[int]()
    while (unknown := account.unknown(end)) is not None:
        first, stop = unknown
        step = first + 1 if order and order.pop() % 2 else stop
        read |= set(range(first, step))
        account.compared(step)
    assert read == foreign
