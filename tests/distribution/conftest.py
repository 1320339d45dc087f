from __future__ import annotations

import pytest

from tests.distribution.rooms import Base


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return Base(tmp_path_factory.mktemp("base") / "venv")
