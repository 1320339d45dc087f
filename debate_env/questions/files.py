"""Reading text, JSON Lines and CSV, plain or gzip; one clear line for all that can be wrong."""

from __future__ import annotations

import contextlib
import csv
import difflib
import gzip
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from debate_env.errors import InputError, brief

GZIP_MAGIC = b"\x1f\x8b"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_MAX_CELL = 2**31 - 1
_TYPE_NAMES = {
    bool: "true/false",
    int: "an integer",
    float: "a number with a fraction",
    str: "a text",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


@dataclass(frozen=True, slots=True)
class FilePlace:
    """A place in a file, for error messages.

    Attributes:
        path: The file as the user named it.
        line: Line number from 1; 0 means the file as a whole.
        item: The question on that line, where a line holds several; may be empty.
    """

    path: str
    line: int = 0
    item: str = ""

    def error(self, message: str, field: str = "") -> InputError:
        """An error that names this place and, if given, a field of it."""
        parts = [self.path]
        if self.line:
            parts.append(f"line {self.line}")
        if self.item:
            parts.append(f"question {self.item!r}")
        if field:
            parts.append(f"field {field!r}")
        return InputError(" ".join(f"{', '.join(parts)}: {message}".split()))


def exists(path: str | Path) -> bool:
    """Whether there is such a file or folder; false, too, for what cannot be a path at all."""
    try:
        return str(path) != "" and Path(path).expanduser().exists()
    except (OSError, ValueError, RuntimeError):
        return False


def read_text(path: str | Path) -> str:
    """Read a UTF-8 text file; gzip is recognised by its content, a byte order mark is dropped.

    Raises:
        InputError: The file is missing, not a regular file, unreadable, empty, a damaged gzip,
            not UTF-8, or holds NUL bytes.
    """
    place = FilePlace(str(path))
    data = read_bytes(path)
    if data.startswith(_UTF16_MARKS):
        raise place.error(
            "invalid UTF-8 at byte position 0: the file looks like UTF-16; save it as UTF-8"
        )
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        where = FilePlace(str(path), _line_of(data, error.start))
        raise where.error(
            f"invalid UTF-8 at byte position {error.start} (0x{data[error.start]:02x}, counted "
            "from 0 in the uncompressed file); save it as UTF-8"
        ) from None
    nul = data.find(b"\0")
    if nul >= 0:
        where = FilePlace(str(path), _line_of(data, nul))
        raise where.error(f"NUL byte at byte position {nul}; a text file must hold none")
    return text.removeprefix("\ufeff")


def read_table_text(path: str | Path) -> tuple[str, str]:
    """Read a table as spreadsheets write it; return its text and the name of its encoding.

    UTF-8, UTF-16 with its mark, or else the 8-bit encoding of Windows in Western Europe.

    Raises:
        InputError: As for :func:`read_text`; the text is in none of these encodings.
    """
    data = read_bytes(path)
    if data.startswith(_UTF16_MARKS):
        encoding = "utf-16"
    else:
        try:
            data.decode()
        except UnicodeDecodeError:
            encoding = "cp1252"
        else:
            return read_text(path), "utf-8"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise FilePlace(str(path), _line_of(data, error.start)).error(
            f"neither UTF-8 nor {encoding} (byte position {error.start}); save it as UTF-8"
        ) from None
    if "\0" in text:
        raise FilePlace(str(path), text.count("\n", 0, text.index("\0")) + 1).error(
            "NUL character; a text file must hold none"
        )
    return text, encoding


def _line_of(data: bytes, position: int) -> int:
    return data.count(b"\n", 0, position) + 1


def read_bytes(path: str | Path) -> bytes:
    """Read a file that holds something; gzip is recognised by its content.

    Raises:
        InputError: The file is missing, not a regular file, unreadable, empty or a damaged gzip.
    """
    place = FilePlace(str(path))
    data = _raw_bytes(Path(path), place)
    if data.startswith(GZIP_MAGIC):
        data = _decompress(data, place)
    elif str(path).lower().endswith(".gz"):
        raise place.error("the name ends in .gz but the content is not gzip; rename it or compress")
    if not data.strip():
        raise place.error("the file is empty")
    return data


def _raw_bytes(path: Path, place: FilePlace) -> bytes:
    try:
        path = path.expanduser()
        if path.is_dir():
            raise place.error("is a directory; name a file in it")
        if path.exists() and not path.is_file():
            # A pipe or a device could block for ever or never end.
            raise place.error("is not a regular file")
        return path.read_bytes()
    except FileNotFoundError:
        raise place.error(f"no such file{_similar(path)}") from None
    except OSError as error:
        raise place.error(f"cannot be read: {error.strerror or error}") from None
    except (ValueError, RuntimeError) as error:
        if isinstance(error, InputError):
            raise
        raise place.error(f"is not a usable path: {error}") from None


def _similar(path: Path) -> str:
    if not path.parent.is_dir():
        return f" (the folder {str(path.parent)!r} does not exist either)"
    close = difflib.get_close_matches(path.name, [p.name for p in path.parent.iterdir()], n=1)
    return f"; did you mean {close[0]!r}?" if close else "; check the path"


def _decompress(data: bytes, place: FilePlace) -> bytes:
    try:
        return gzip.decompress(data)
    except EOFError:
        raise place.error("the gzip file is cut short; copy or download it again") from None
    except (OSError, zlib.error) as error:
        raise place.error(f"the gzip file is damaged ({error}); copy it again") from None


def csv_rows(
    path: str | Path, lines: Iterable[str], separator: str = ","
) -> Iterator[tuple[FilePlace, list[str]]]:
    """The rows of a CSV file that hold anything, each with the line it begins on; read strictly.

    ``lines`` are those of the file with their ends; ``path`` is for messages.

    Raises:
        InputError: A quotation mark that opens a cell is not closed, or text follows the one that
            closes it: whatever comes after it cannot be told apart. Names the line of that cell.
    """
    row: list[str] = []

    def kept() -> Iterator[str]:
        for line in lines:
            row.append(line)
            yield line

    reader = csv.reader(kept(), delimiter=separator, strict=True)
    with _long_cells():
        while True:
            row.clear()
            start = reader.line_num + 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                line = start + _faulty_cell("".join(row), separator)
                raise FilePlace(str(path), line).error(
                    f"malformed CSV ({error}): the cell that begins here is not closed as it "
                    "should be; enclose cells in double quotation marks and double those inside"
                ) from None
            if cells is None:
                return
            if any(cell.strip() for cell in cells):
                yield FilePlace(str(path), start), cells


def _faulty_cell(row: str, separator: str) -> int:
    """How many line ends come before the first cell of a row that is not well-formed."""
    cell = r'(?:"(?:[^"]|"")*+"|[^"%s][^%s]*+)?+%s' % ((re.escape(separator),) * 3)
    whole = re.match(f"(?:{cell})*+", row)
    return row.count("\n", 0, whole.end() if whole else 0)


@contextlib.contextmanager
def _long_cells() -> Iterator[None]:
    """Cells may be longer than the csv module's limit of 131,072 characters."""
    before = csv.field_size_limit(_MAX_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def json_lines(path: str | Path) -> Iterator[tuple[FilePlace, dict[str, Any]]]:
    """The JSON objects of a file, one per line; see :func:`objects_of`."""
    return objects_of(read_text(path), path)


def objects_of(text: str, path: str | Path) -> Iterator[tuple[FilePlace, dict[str, Any]]]:
    """The JSON objects of a text, one per line, blank lines skipped; ``path`` is for messages.

    Only a line feed ends a line: other line separators may occur inside JSON texts.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            place = FilePlace(str(path), number)
            yield place, parse_object(line, place)


def parse_object(line: str, place: FilePlace) -> dict[str, Any]:
    """Parse one line as a JSON object, without repeated keys and without NaN or Infinity."""
    value = parse_json(line, place)
    if not isinstance(value, dict):
        raise place.error(f"must be a JSON object in braces, got {described(value)}")
    return value


def parse_json(text: str, place: FilePlace) -> Any:
    """Parse JSON strictly: without repeated keys and without NaN or Infinity."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in items:
            if key in found:
                raise place.error("occurs twice in one record; keep one", key)
            found[key] = value
        return found

    def constant(name: str) -> None:
        raise place.error(f"{name} is not allowed; use a finite number or null")

    try:
        return json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    except json.JSONDecodeError as error:
        spot = replace(place, line=place.line or error.lineno)
        raise spot.error(
            f"malformed JSON at column {error.colno} ({error.msg}); every line must be one "
            "complete JSON object, or the whole file one list"
        ) from None
    except InputError:
        raise
    except ValueError as error:
        raise place.error(f"malformed JSON ({error})") from None
    except RecursionError:
        raise place.error("the JSON is nested too deeply") from None


def described(value: object) -> str:
    """A value and its type in the words of a data file, e.g. ``5 (an integer)``."""
    return f"{brief(value)} ({_TYPE_NAMES.get(type(value), type(value).__name__)})"
