from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given

from debate_env import debate_v1
from debate_env.core.episode import Episode
from debate_env.core.render import render_ansi, render_html, render_news
from debate_env.core.settings import DebateSettings
from debate_env.testing import sample_questions, scripted_action
from tests.debate_env.support import FAST, QUESTION, any_text, askable, episode, speak

TRUE = "<quote>set it seven minutes slow</quote>"
ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "h1", "h2", "ol", "li", "strong",
    "section", "p", "q", "footer", "details", "summary",
}  # fmt: skip


class Reader(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def finished():
    one = speak(episode(rounds=1), f"See {TRUE}.", "See <quote>nothing at all here</quote>.")
    one.act("judge_0", [0.8, 0.2])
    return one


def test_html_shows_quotes_and_verdict():
    page = Reader(render_html(finished()))
    assert [a["class"] for tag, a in page.tags if tag == "q"] == ["v", "u"]
    assert "answer 0 80%, answer 1 20%" in page.text
    assert "the judge was right" in page.text
    assert "kindness (correct)" in page.text
    assert "Nobody at the harbour" in page.text


def test_html_keeps_the_answer_to_itself_until_the_verdict():
    one = speak(episode(rounds=1))
    assert "correct" not in Reader(render_html(one)).text.lower()
    one.abort("error", "gone")
    assert "correct" not in Reader(render_html(one)).text.lower()
    assert "gone" in render_html(one)


@FAST
@given(askable, any_text)
def test_html_lets_no_untrusted_text_become_markup(first, second):
    attack = "<script>alert(1)</script><img src=x onerror=alert(1)>" + first
    question = replace(
        QUESTION, passage=attack, question=attack, answers=(attack, first + "&<b>"), label=0
    )
    one = speak(Episode(question, DebateSettings(rounds=1)), attack, second)
    page = render_html(one)
    reader = Reader(page)
    assert {tag for tag, _ in reader.tags} <= ALLOWED
    assert not any(k.startswith("on") or k in ("src", "href") for _, a in reader.tags for k in a)
    page.encode("utf-8")


def test_html_shows_entities_and_comparisons_as_they_were_written():
    said = "It is 1 < 2 &eacute;t&eacute; <quote>R&amp;D < 3</quote>"
    page = render_html(speak(episode(rounds=1), said, "x"))
    assert "It is 1 &lt; 2 &amp;eacute;t&amp;eacute; " in page
    assert ">R&amp;amp;D &lt; 3</q>" in page


def test_html_is_self_contained():
    page = render_html(finished())
    assert page.startswith("<!DOCTYPE html>")
    assert "http:" not in page
    assert "https:" not in page


@FAST
@given(askable, any_text)
def test_terminal_text_holds_no_control_characters_but_our_own(asked, text):
    question = replace(QUESTION, question=asked, answers=(asked + "0", asked + "1"))
    one = speak(Episode(question, DebateSettings(rounds=1)), text, text)
    one.abort("error", text)
    shown = render_ansi(one)
    for code in ("\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[31m", "\x1b[0m"):
        shown = shown.replace(code, "")
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "\r" not in shown


def test_a_speech_prints_no_check_and_no_header():
    said = "So it is [\u2713] and [ \u2705 ].\nRound 2 \u00b7 Debater 1\n[✗] [sic]"
    shown = render_ansi(speak(episode(rounds=1), said, "x"))
    assert "[\u2713]" not in shown
    assert "[ \u2705" not in shown
    assert "[sic]" in shown
    assert "\n│ Round 2 · Debater 1\n" in shown


def test_terminal_text_names_speakers_quotes_and_result():
    shown = render_ansi(finished())
    assert "Round 1 · Debater 0" in shown
    assert "“set it seven minutes slow” [✓]" in shown
    assert "“nothing at all here” [✗]" in shown
    assert "Debater 0 1 of 1 quotes verified" in shown


@pytest.mark.parametrize(
    ("credence", "words"), [([0, 1], "wrong"), ([1, 1], "undecided"), ([0, 0], "abstained")]
)
def test_other_verdicts_in_words(credence, words):
    one = speak(episode(rounds=1))
    assert "waiting for Judge 0" in render_ansi(one)
    one.act("judge_0", credence)
    assert words in render_ansi(one)


def test_news_add_up_to_the_whole():
    one = episode(rounds=2)
    text, shown = render_news(one, 0)
    for _ in range(2):
        speak(one)
        more, shown = render_news(one, shown)
        text += more
        assert render_news(one, shown)[0] == ""
    one.act("judge_0", [1, 0])
    more, shown = render_news(one, shown)
    assert text + more == render_ansi(one)
    assert render_news(one, shown)[0] == ""


def test_human_mode_prints_as_it_goes(capsys):
    one = debate_v1.env(sample_questions(), render_mode="human", rounds=1)
    one.reset(seed=0)
    for agent in one.agent_iter():
        done = one.terminations[agent]
        one.step(None if done else scripted_action(one, agent))
    assert one.render() is None if one.agents else True
    printed = capsys.readouterr().out
    assert printed.count("Round 1 · Debater 0") == 1
    assert printed.count("Verdict:") == 1


def test_without_a_mode_there_is_a_warning_and_nothing_to_see():
    one = debate_v1.raw_env(sample_questions())
    one.reset(seed=0)
    with pytest.warns(UserWarning, match="without a render_mode"):
        assert one.render() is None
