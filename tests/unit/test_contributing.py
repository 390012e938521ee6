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
