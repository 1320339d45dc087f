from __future__ import annotations

from typing import Any

import pytest

from debate_env.errors import InputError
from debateqd.agents.models.options import OpenAIOptions, hide_login, read_options


@pytest.mark.parametrize(
    "options",
    [
        {"extra_body": {"api_key": "hunter2"}},
        {"extra_body": {"provider": {"order": ["a"], "X-Api-Key": "hunter2"}}},
        {"extra_body": {"list": [{"auth_token": "hunter2"}]}},
        {"extra_body": {"Authorization": "Bearer hunter2"}},
        {"extra_body": "hunter2"},
        {"key_variable": "sk-hunter2"},
        {"key_variable": "hunter 2"},
        {"base_urls": "http://bob:hunter2@host/v1"},
        {"base_urls": [1, "http://bob:hunter2@host/v1"]},
    ],
)
def test_keys_in_options_are_refused_and_not_shown(options: dict[str, Any]) -> None:
    with pytest.raises(InputError) as info:
        read_options("openai", options)
    message = str(info.value)
    assert "hunter" not in message
    assert next(iter(options)) in message
    assert "\n" not in message


def test_what_is_no_key_may_be_sent() -> None:
    extra = {
        "max_tokens": 5,
        "stop_token_ids": [1],
        "api_key": "",
        "chat_template_kwargs": {"thinking": False, "token": "x"},
        "user": "me",
    }
    options = read_options("openai", {"extra_body": extra, "key_variable": "MY_KEY_2"})
    assert isinstance(options, OpenAIOptions)
    assert options.extra_body == extra


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at http://bob:pa@ss@host/v1 now", "at http://[hidden]@host/v1 now"),
        ("'https://key@host'", "'https://[hidden]@host'"),
        ("http://host/v1", "http://host/v1"),
        ("bob@host", "bob@host"),
    ],
)
def test_logins_in_urls_are_hidden(text: str, shown: str) -> None:
    assert hide_login(text) == shown
