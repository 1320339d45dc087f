"""Logs that only grow, and how one is told from what was made of it since."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from debateqd.qd.store.storage import json_text


@dataclass(frozen=True, slots=True)
class Committed:
    """How a log begins that was committed: its first ``size`` bytes, and their SHA-256."""

    size: int = 0
    sha256: str = hashlib.sha256().hexdigest()

    def begins(self, content: bytes) -> bool:
        """Whether a file begins with what was committed."""
        return hashlib.sha256(content[: self.size]).hexdigest() == self.sha256


def is_converted(content: bytes, committed: Committed) -> bool:
    """Whether nothing but the line ends or the encoding of a log was changed."""
    for encoding in ("utf-8-sig", "utf-16"):
        with suppress(UnicodeError):
            text = content.decode(encoding).replace("\r\n", "\n").replace("\r", "\n") + "\n"
            if committed.begins(text.encode()):
                return True
    return False


def foreign_line(content: bytes, committed: Committed, last: int) -> int:
    """Find the first line after the committed ones that no generation after ``last`` wrote.

    Returns:
        Its number from 1, or 0. The end of the last line may be torn.
    """
    first = content.count(b"\n", 0, committed.size) + 1
    for number, line in enumerate(content[committed.size :].split(b"\n")[:-1], first):
        try:
            if json.loads(line)["generation"] > last:
                continue
        except (ValueError, KeyError, TypeError):
            pass
        return number
    return 0


class AppendLog:
    """A JSONL log that only grows; made if missing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: TextIO = path.open("a", encoding="utf-8", newline="\n")
        self._hash = hashlib.sha256(path.read_bytes())

    def append(self, line: Mapping[str, Any]) -> None:
        """Add a line."""
        text = json_text(line, indent=None)
        self._file.write(text)
        self._hash.update(text.encode())

    def flush(self) -> None:
        """Hand what was added to the operating system, so that others can read it."""
        self._file.flush()

    def commit(self) -> Committed:
        """Make everything durable; return what the file now begins with."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return Committed(os.fstat(self._file.fileno()).st_size, self._hash.hexdigest())

    def cut(self, size: int) -> None:
        """Keep the first bytes of the file alone."""
        os.truncate(self.path, size)
        self._hash = hashlib.sha256(self.path.read_bytes())

    def close(self) -> None:
        """Close the file."""
        self._file.close()
