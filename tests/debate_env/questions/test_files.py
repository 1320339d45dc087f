from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from debate_env.errors import InputError
from debate_env.questions.files import FilePlace, exists, read_text


def refused(path: Path | str) -> str:
    with pytest.raises(InputError) as caught:
        read_text(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path)[:5])
    return message


def test_plain_and_gzip_whatever_the_name(tmp_path: Path) -> None:
    for name, data in (
        ("a.jsonl", "blé\n".encode()),
        ("a.jsonl.gz", gzip.compress("blé\n".encode())),
        ("hidden.jsonl", gzip.compress("blé\n".encode())),
        ("two.gz", gzip.compress(b"bl") + gzip.compress("é\n".encode())),
        ("mark.csv", b"\xef\xbb\xbf" + "blé\n".encode()),
    ):
        (tmp_path / name).write_bytes(data)
        assert read_text(tmp_path / name) == "blé\n"


def test_line_ends_and_separators_are_kept(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes("a\r\nb\u2028c\rd".encode())
    assert read_text(tmp_path / "a") == "a\r\nb\u2028c\rd"


def test_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "questions.jsonl").write_text("x")
    assert "did you mean 'questions.jsonl'?" in refused(tmp_path / "question.jsonl")
    assert "check the path" in refused(tmp_path / "zzz")
    assert "does not exist either" in refused(tmp_path / "no" / "a.jsonl")


def test_what_is_not_a_file(tmp_path: Path) -> None:
    assert "is a directory" in refused(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in refused(tmp_path / "pipe")
    assert "not a usable path" in refused("with\0nul")
    assert "cannot be read" in refused("x" * 5000)
    assert not exists("x" * 5000)
    assert not exists("with\0nul")


@pytest.mark.parametrize("data", [b"", b"  \n\n", gzip.compress(b"", mtime=0)])
def test_empty(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.jsonl").write_bytes(data)
    assert "the file is empty" in refused(tmp_path / "a.jsonl")


def test_damaged_gzip(tmp_path: Path) -> None:
    whole = gzip.compress(os.urandom(5000))
    path = tmp_path / "a.jsonl.gz"
    for cut in (5, 15, 500, len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert "cut short" in refused(path)
    path.write_bytes(whole[:-8] + b"\0" * 8)
    assert "damaged" in refused(path)
    path.write_bytes(whole[:12] + b"\xff" * 50 + whole[62:])
    assert "gzip" in refused(path)
    path.write_bytes(whole + b"more")
    assert "damaged" in refused(path)
    path.write_bytes(b"plain text")
    assert "not gzip" in refused(path)


def test_invalid_utf8_names_line_and_byte(tmp_path: Path) -> None:
    data = "blé\n".encode() * 2 + b"abc\xff\n"
    path = tmp_path / "a.jsonl"
    for content in (data, gzip.compress(data)):
        path.write_bytes(content)
        message = refused(path)
        assert "line 3: invalid UTF-8 at byte position 13 (0xff" in message
    path.write_bytes("text".encode("utf-16"))
    assert "UTF-16" in refused(path)


def test_nul_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"one\ntw\0o\n")
    assert "line 2: NUL byte at byte position 6" in refused(path)


def test_a_message_is_one_line_wherever_it_points() -> None:
    error = FilePlace("a\nb.jsonl", 3, "q1").error("is\nwrong", "label")
    assert str(error) == "a b.jsonl, line 3, question 'q1', field 'label': is wrong"
