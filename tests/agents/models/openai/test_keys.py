from __future__ import annotations

from pathlib import Path

import pytest

from debate_env.errors import InputError
from debateqd.agents.models.openai.keys import (
    OPENAI_URL,
    check_url,
    find_key,
    find_urls,
)


def test_a_key_comes_from_the_environment_first(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MY_KEY=from-file\n")
    assert find_key("MY_KEY", {"MY_KEY": " from-env "}, tmp_path).get_secret_value() == "from-env"
    assert find_key("MY_KEY", {}, tmp_path).get_secret_value() == "from-file"
    assert find_key("OTHER", {}, tmp_path).get_secret_value() == ""
    assert not find_key("MY_KEY", {}, tmp_path / "nowhere")


def test_a_key_does_not_show_itself() -> None:
    secret = find_key("MY_KEY", {"MY_KEY": "sk-very-secret"})
    assert "very" not in f"{secret!r} {secret} {[secret]}"


def test_a_key_that_no_header_can_carry_is_refused(tmp_path: Path) -> None:
    for value in ("two words", "k\u00e9y", "a\nb"):
        with pytest.raises(InputError) as info:
            find_key("MY_KEY", {"MY_KEY": value}, tmp_path)
        assert value not in str(info.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_a_key_in_a_file(tmp_path: Path, encoding: str) -> None:
    text = "# caf\u00e9\nexport A = 'sk-one'  # mine\nB=two words\nC=${A}\n\nA2=\nno line\n"
    (tmp_path / ".env").write_bytes(text.encode(encoding))
    assert find_key("A", {}, tmp_path).get_secret_value() == "sk-one"
    assert find_key("C", {}, tmp_path).get_secret_value() == "${A}"
    assert not find_key("A2", {}, tmp_path)
    with pytest.raises(InputError, match="the key in B holds spaces"):
        find_key("B", {}, tmp_path)


def test_a_file_that_is_no_text_holds_no_key(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xff\xfe\x00A=1")
    assert not find_key("A", {}, tmp_path)
    (tmp_path / ".env").unlink()
    (tmp_path / ".env").mkdir()
    assert not find_key("A", {}, tmp_path)


def test_urls_in_their_order_of_preference() -> None:
    both = {"OPENAI_BASE_URL": "http://a:1/v1", "OPENAI_URL": "http://b:2/v1"}
    assert find_urls(("http://c:3/v1/",), both) == ("http://c:3/v1",)
    assert find_urls((), both) == ("http://a:1/v1",)
    assert find_urls((), {"OPENAI_URL": "http://b:2/v1, http://c:3/v1"}) == (
        "http://b:2/v1",
        "http://c:3/v1",
    )
    assert find_urls((), {}) == (OPENAI_URL,)
    assert find_urls((), {"OPENAI_API_BASE": "http://d:4/v1", "OPENAI_BASE_URL": ""}) == (
        "http://d:4/v1",
    )
    assert find_urls((), {**both, "OPENAI_API_BASE": "http://d:4/v1"}) == ("http://a:1/v1",)
    assert find_urls(("http://c:3/v1", "http://c:3/v1/"), {}) == ("http://c:3/v1",)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/v1",
        "https://openrouter.ai/api/v1",
        "https://generativelanguage.example/v1beta/openai",
        "http://[::1]:8000/v1",
    ],
)
def test_good_urls(url: str) -> None:
    assert check_url(url) == url
    assert check_url(url + "/") == url


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        ("localhost:8000/v1", "http://localhost:8000/v1"),
        ("ftp://host/v1", "http://"),
        ("http://host:8000", "http://host:8000/v1"),
        ("http://host:8000/", "http://host:8000/v1"),
        ("http://host/v1/chat/completions", "give http://host/v1"),
        ("http://host/v1/models", "give http://host/v1"),
        ("http://host/v1?key=1", "must end with its path"),
        ("http://host:notaport/v1", "cannot be read"),
        ("", "http://"),
    ],
)
def test_bad_urls_say_what_to_do(url: str, hint: str) -> None:
    with pytest.raises(InputError) as info:
        check_url(url)
    assert hint in str(info.value)
    assert "\n" not in str(info.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://host/v1?api_key=hunter2",
        "http://bob:hunter2@host/v1",
        "bob:hunter2@host/v1",
        "http://bob:hunt/er2@host/v1",
    ],
)
def test_a_secret_in_a_url_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(InputError) as info:
        check_url(url)
    assert "hunt" not in str(info.value)
    assert "er2" not in str(info.value)
