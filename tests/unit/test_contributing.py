"""The places that CONTRIBUTING names exist."""

import re
from typing import Final

import pytest

from infra.local.home import REPOSITORY

PATH: Final = re.compile(r"`((?:services|shared|tests|docs|infra)/[\w./-]+)`")
TEXT: Final = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(set(PATH.findall(TEXT))))
def test_a_place_that_is_named_exists(path: str) -> None:
    assert (REPOSITORY / path).exists()


@pytest.mark.parametrize("kind", ["An inbound type", "An eligibility rule", "A filter of a list"])
def test_each_kind_has_its_list(kind: str) -> None:
    section = TEXT.partition(f"**{kind}**")[2].partition("\n**")[0]
    assert len(PATH.findall(section)) >= 2


@pytest.mark.parametrize(
    ("kind", "most"), [("An inbound type", 9), ("An eligibility rule", 3), ("A filter of a list", 2)]
)
def test_no_kind_touches_more_places_of_the_product(kind: str, most: int) -> None:
    section = TEXT.partition(f"**{kind}**")[2].partition("\n**")[0]
    numbers = [int(number) for number in re.findall(r"^(\d+)\. ", section, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) <= most


def test_an_inbound_type_without_an_effect_on_allocation_touches_six() -> None:
    section = TEXT.partition("**An inbound type**")[2].partition("With an effect on allocation")[0]
    assert re.findall(r"^(\d+)\. ", section, re.MULTILINE) == list("123456")
