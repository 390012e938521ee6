"""The catalogue of mutants fits the code: none has rotted."""

import shutil
from pathlib import Path

import pytest

from infra.local.home import REPOSITORY
from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import Mutant


def test_no_two_mutants_have_one_name() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 15


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_can_be_planted_and_gives_a_program(mutant: Mutant, tmp_path: Path) -> None:
    (tmp_path / mutant.file).parent.mkdir(parents=True)
    shutil.copy(REPOSITORY / mutant.file, tmp_path / mutant.file)
    mutant.plant(tmp_path)
    planted = (tmp_path / mutant.file).read_text(encoding="utf-8")
    if mutant.file.endswith(".py"):
        compile(planted, mutant.file, "exec")
    assert planted != (REPOSITORY / mutant.file).read_text(encoding="utf-8")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutants_catchers_are_there(mutant: Mutant) -> None:
    assert mutant.catchers
    for catcher in mutant.catchers:
        file, _, test = catcher.partition("::")
        assert (REPOSITORY / file).exists()
        assert not test or f"def {test}(" in (REPOSITORY / file).read_text(encoding="utf-8")
