"""The mentors of a pool as bitsets, by what the rules ask of them.

A mentor's bit is its slot, its place in the order of mentor ids. Python's integers carry any number of slots.
"""

from services.allocation.decide.bitsets import with_open_slot
from services.allocation.decide.mentor import Codes, Mentor

_Table = dict[int, int]


class MentorMasks:
    """Kept in step with the mentors by `toggle` and `open_slot`."""

    def __init__(self) -> None:
        self.everyone = 0
        self.normal = 0
        self.without_manager = 0
        self._groups: _Table = {}
        self._centers: _Table = {}
        self._gates: _Table = {}
        self._schools: _Table = {}

    def of_group(self, code: int) -> int:
        """Those who take students of a group."""
        return self._groups.get(code, 0)

    def of_center(self, center: int) -> int:
        """Those who cover a centre."""
        return self._centers.get(center, 0)

    def under_manager_of(self, center: int) -> int:
        """Those whose manager has a centre."""
        return self._gates.get(center, 0)

    def of_school(self, code: int | None) -> int:
        """School mentors that hold a school."""
        return 0 if code is None else self._schools.get(code, 0)

    def toggle(self, mentor: Mentor, bit: int) -> None:
        """Sets the mentor's bits, or clears them when they are set."""
        self.everyone ^= bit
        _flip(self._groups, mentor.groups, bit)
        _flip(self._centers, mentor.centers, bit)
        if mentor.manager_centers is None:
            self.without_manager ^= bit
        else:
            _flip(self._gates, mentor.manager_centers, bit)
        if mentor.type == "normal":
            self.normal ^= bit
        else:
            _flip(self._schools, mentor.schools, bit)

    def open_slot(self, slot: int) -> None:
        """Makes room for a mentor between others."""
        self.everyone = with_open_slot(self.everyone, slot)
        self.normal = with_open_slot(self.normal, slot)
        self.without_manager = with_open_slot(self.without_manager, slot)
        for table in (self._groups, self._centers, self._gates, self._schools):
            for key, bits in table.items():
                table[key] = with_open_slot(bits, slot)


def _flip(table: _Table, keys: Codes, bit: int) -> None:
    for key in keys:
        table[key] = table.get(key, 0) ^ bit
