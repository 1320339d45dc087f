from __future__ import annotations

import hashlib
import json
import os

import pytest

from debate_env.errors import InputError
from debateqd.qd.store.logs import AppendLog, Committed
from debateqd.qd.store.storage import (
    gzip_lines,
    json_text,
    read_gzip_lines,
    read_json,
    read_lines,
    write_atomic,
)


def test_json_is_canonical():
    assert json_text({"b": 1, "a": "é"}, indent=None) == '{"a":"é","b":1}\n'
    with pytest.raises(ValueError, match="JSON"):
        json_text({"a": float("nan")})


def test_equal_lines_compress_to_equal_bytes(tmp_path):
    lines = [{"a": 1}, {"b": "é\u2028"}]
    data = gzip_lines(lines)
    assert data == gzip_lines(iter(lines))
    assert data[4:8] == b"\0\0\0\0"  # the time stamp of the header
    (tmp_path / "x.gz").write_bytes(data)
    assert list(read_gzip_lines(tmp_path / "x.gz")) == lines
    for damaged in (data[:-6], b"", b"text"):
        (tmp_path / "x.gz").write_bytes(damaged)
        with pytest.raises(InputError, match=r"x\.gz: cannot be read: .*; restore the file"):
            list(read_gzip_lines(tmp_path / "x.gz"))


def test_a_crash_while_writing_leaves_the_old_content(tmp_path, monkeypatch):
    path = tmp_path / "x.json"
    write_atomic(path, "old")

    def crash(handle: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(OSError, match="no space"):
        write_atomic(path, "new")
    assert path.read_text() == "old"


def test_a_log_grows_and_knows_its_length(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"a":1}\n')
    log = AppendLog(path)
    log.append({"a": "é"})
    content = '{"a":1}\n{"a":"é"}\n'.encode()
    mark = log.commit()
    assert mark == Committed(len(content), hashlib.sha256(content).hexdigest())
    assert path.read_bytes() == content
    log.append({"a": 2})
    log.flush()
    log.cut(mark.size)
    assert log.commit() == mark
    log.close()
    assert [line for _, line in read_lines(path)] == [{"a": 1}, {"a": "é"}]


def test_damage_is_named_by_line(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"a":1}\n\n{"a":')
    with pytest.raises(InputError, match=r"x.jsonl, line 3: is damaged .* repaired by --resume"):
        list(read_lines(path))
    path.write_text('{"a":1}\n{"a":\n{"a":2}\n\n')
    with pytest.raises(InputError, match=r"line 2: is damaged \(not JSON\); restore the file$"):
        list(read_lines(path))
    path.write_text(json.dumps([1]))
    with pytest.raises(InputError, match="must hold a JSON object, not list"):
        read_json(path)
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_json(tmp_path / "none")
