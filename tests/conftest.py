from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

# Tests share the cores among themselves; more threads of linear algebra would only wait. Set before
# anything imports numpy, and for every program that a test starts.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Whoever starts tests in the background has them ignore Ctrl-C, which some send to themselves.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


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
