"""Writing that survives a kill: atomic replacement, append-only logs, reproducible gzip."""

from __future__ import annotations

import gzip
import io
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from debate_env.errors import InputError


def json_text(data: Any, *, indent: int | None = 1) -> str:
    """Return data as canonical JSON: sorted keys, one trailing line break, no NaN."""
    separators = None if indent else (",", ":")
    text = json.dumps(
        data,
        ensure_ascii=False,
        sort_keys=True,
        indent=indent,
        separators=separators,
        allow_nan=False,
    )
    return text + "\n"


def write_atomic(path: Path, content: str | bytes) -> None:
    """Write a file so that readers and crashes see the old content or the new, nothing between."""
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def gzip_lines(lines: Iterable[Mapping[str, Any]]) -> bytes:
    """Compress JSON lines; equal lines give equal bytes (no time stamp, no name)."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, compresslevel=6, mtime=0) as file:
        for line in lines:
            file.write(json_text(line, indent=None).encode())
    return buffer.getvalue()


RESTORE = "restore the file"
"""What to do about a damaged file where nothing else helps."""


def read_gzip_lines(path: Path, cure: str = RESTORE) -> Iterator[dict[str, Any]]:
    """Read what :func:`gzip_lines` compressed; ``cure`` says what to do about a damaged file.

    Raises:
        InputError: The file is missing or damaged.
    """
    try:
        if not path.stat().st_size:  # which gzip takes for an archive of nothing
            raise EOFError("the file is empty")
        with gzip.open(path, "rt", encoding="utf-8") as file:
            yield from (json.loads(line) for line in file)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read: {_reason(error)}; {cure}") from None


def read_json(path: Path, cure: str = RESTORE) -> dict[str, Any]:
    """Read a JSON object; ``cure`` says what to do about a damaged file.

    Raises:
        InputError: The file is missing, damaged, or holds no object.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        data = json.loads(text)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {_reason(error)}") from None
    except ValueError as error:
        empty = not path.read_bytes().strip(b"\0 \r\n")
        what = "is empty" if empty else f"is damaged ({_reason(error)})"
        raise InputError(f"{path}: {what}; {cure}") from None
    if not isinstance(data, dict):
        raise InputError(f"{path}: must hold a JSON object, not {type(data).__name__}; {cure}")
    return data


def read_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read a JSONL log, with line numbers from 1; blank lines are skipped.

    Raises:
        InputError: The file is missing, or a line is damaged.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    lines = [(n, line) for n, line in enumerate(raw.split(b"\n"), 1) if line.strip()]
    for number, line in lines:
        try:
            data = json.loads(line)
        except ValueError:
            # A stopped run can tear nothing but the end of its log.
            torn = number == lines[-1][0]
            cure = "a run that was stopped is repaired by --resume" if torn else "restore the file"
            raise InputError(f"{path}, line {number}: is damaged (not JSON); {cure}") from None
        if not isinstance(data, dict):
            raise InputError(f"{path}, line {number}: is no JSON object; restore the file")
        yield number, data


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
