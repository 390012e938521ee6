"""Everything that Rahnama writes lies in one folder, and one demo at a time uses its part of it."""

from pathlib import Path

import pytest

from infra.local.errors import LocalError
from infra.local.home import Home


def test_a_second_demo_is_refused_while_the_first_one_runs(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with home.only_demo(), pytest.raises(LocalError, match="Another make demo"), home.only_demo():
        pass
    with home.only_demo():
        pass
