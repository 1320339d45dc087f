from __future__ import annotations

from debateqd.agents.models.openai.window import Window


def fill(window: Window) -> list[int]:
    return [window.send() for _ in range(window.room)]


def test_it_starts_as_high_as_it_may_and_never_goes_higher() -> None:
    window = Window(256)
    assert len(fill(window)) == 256
    assert window.room == 0
    for _ in range(256):
        window.good()
    assert (window.size, window.in_flight) == (256, 0)


def test_many_refusals_halve_it_once_per_round_trip() -> None:
    window = Window(256)
    numbers = fill(window)
    answers = [window.refused(number) for number in numbers[:200]]
    assert answers[:4] == [False] * 4  # a few may be chance
    assert all(answers[4:])
    assert window.size == 126  # half of what was in flight at the fifth
    assert window.in_flight == 56


def test_it_comes_down_to_what_a_server_holds_and_grows_again() -> None:
    window, holds, refusals = Window(256), 20, 0
    for _ in range(40):
        numbers = fill(window)
        for number in numbers[holds:]:
            window.refused(number)
            refusals += 1
        for _ in numbers[:holds]:
            window.good()
    assert holds / 2 <= window.size <= 2 * holds
    assert refusals < 500
    for _ in range(9_000):  # the limit is lifted
        fill(window)
        window.good()
    assert window.size == 256


def test_chance_refusals_change_nothing() -> None:
    window = Window(64)
    for turn in range(500):
        number = window.send()
        window.refused(number) if turn % 10 == 0 else window.good()
    assert window.size == 64


def test_a_lone_refusal_says_whether_others_are_in_flight() -> None:
    window = Window(8)
    first, second = window.send(), window.send()
    assert not window.refused(first)
    assert window.refused(second)


def test_nothing_grows_without_demand() -> None:
    window = Window(64)
    for number in fill(window):
        window.refused(number)
    size = window.size
    for _ in range(300):
        window.send()
        window.good()
    assert window.size == size < 64
