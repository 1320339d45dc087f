from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from debateqd.qd.report.visible import visible


@given(st.text())
def test_nothing_can_control_a_terminal(text: str) -> None:
    shown = visible(text)
    assert shown.replace("\n", "").isprintable()
    shown.encode()


def test_what_hides_is_escaped_and_the_rest_stays() -> None:
    assert visible("plain [bold] text\nästhetisch") == "plain [bold] text\nästhetisch"
    assert visible("\x1b[2J\u202eabc\x9b\t.") == "\\x1b[2J\\u202eabc\\x9b ."
    assert visible("\U000e0041\ud800\r") == "\\U000e0041\\ud800\\x0d"
