from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real reading-comprehension data, or a skip that says what is missing."""
    value = os.environ.get("DEBATEQD_DATA")
    if not value:
        pytest.skip("DEBATEQD_DATA is not set: it names a folder with real QuALITY passages")
    folder = Path(value)
    if not folder.is_dir():
        pytest.fail(f"DEBATEQD_DATA={value} is not a folder")
    return folder
