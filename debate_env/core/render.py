"""A debate for human eyes: terminal text and a self-contained HTML page.

Passages, questions and speeches are untrusted: HTML escapes all of them, and terminal text holds
no control characters but our own.
"""

from __future__ import annotations

import re
from html import escape

from debate_env.core.episode import Episode
from debate_env.core.protocols import OVER, VERDICT
from debate_env.core.quotes import MARKED_QUOTE
from debate_env.core.speeches import clean
from debate_env.core.transcript import Speech

_GUTTER = "│ "
_SIGN = re.compile(r"\[(?=\s*[^\w\s]\ufe0f?\s*\])")  # one sign alone in brackets
_BOLD, _DIM, _GREEN, _RED, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[31m", "\x1b[0m"


def _name(seat: str) -> str:
    role, _, number = seat.rpartition("_")
    return f"{role.capitalize()} {number}"


def _ansi_speech(speech: Speech) -> str:
    def paint(match: re.Match[str]) -> str:
        colour, sign = (_GREEN, "✓") if match[1] == "v" else (_RED, "✗")
        return f"{colour}“{match[2]}” [{sign}]{_RESET}"

    # No line of a speech looks like one of ours, and no brackets in it like those of a check.
    spoken = _SIGN.sub("(", clean(speech.text))
    body = MARKED_QUOTE.sub(paint, spoken).replace("\n", f"\n{_GUTTER}")
    return f"{_BOLD}Round {speech.round} · {_name(speech.seat)}{_RESET}\n{_GUTTER}{body}\n\n"


def _ansi_head(episode: Episode) -> str:
    lines = [f"{_BOLD}{clean(episode.question.question)}{_RESET}"]
    for index, answer in enumerate(episode.answers):
        side = f"Debater {index}" if index < 2 else "nobody"
        lines.append(f"  {index}: {clean(answer)} {_DIM}({side}){_RESET}")
    return "\n".join(lines) + "\n\n"


def _result(episode: Episode) -> list[str]:
    """Describe the outcome in sentences, or say whose turn it is."""
    outcome = episode.outcome
    if outcome is None:
        doing = "Verdict pending" if episode.phase == VERDICT else f"Round {episode.round}"
        return [f"{doing}: waiting for {', '.join(map(_name, episode.acting))}."]
    if outcome.kind == "abstained":
        return ["The judge abstained.", f"Correct was answer {outcome.label}."]
    if outcome.kind == "ended":
        return ["The debate has ended; there is no verdict in it."]
    if outcome.credence is None:
        return [f"No verdict ({outcome.kind}): {outcome.message}"]
    shares = ", ".join(f"answer {i} {p:.0%}" for i, p in enumerate(outcome.credence))
    verdict = {1.0: "right", 0.0: "wrong"}.get(outcome.correct or 0.0, "undecided")
    counts = "; ".join(
        f"{_name(seat)} {verified} of {number} quotes verified, {outcome.words[seat]} words"
        for seat, (number, verified) in outcome.quotes.items()
    )
    return [
        f"Verdict: {shares}.",
        f"Correct was answer {outcome.label}; the judge was {verdict}.",
        f"{counts}.",
    ]


def _ansi_result(episode: Episode) -> str:
    return "\n".join(map(clean, _result(episode))) + "\n"


def render_ansi(episode: Episode) -> str:
    """Return the whole debate as coloured text for a terminal (ANSI escape sequences)."""
    return render_news(episode, 0)[0] + ("" if episode.over else _ansi_result(episode))


def render_news(episode: Episode, shown: int) -> tuple[str, int]:
    """Return what has not been shown yet, for a running display; ``shown`` is 0 at first.

    Returns:
        The text, empty if nothing is new, and the value for the next call.
    """
    # 0: nothing shown; k + 1: the head and k speeches; -1: all, the verdict included.
    if shown < 0:
        return "", shown
    parts = [_ansi_head(episode)] if shown == 0 else []
    parts += map(_ansi_speech, episode.speeches[max(0, shown - 1) :])
    if episode.phase != OVER:
        return "".join(parts), len(episode.speeches) + 1
    return "".join(parts) + _ansi_result(episode), -1


_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem;
color:#1c1c1c;background:#fff}
h1{font-size:1.3rem}section{border-left:4px solid #bbb;margin:1rem 0;padding:.2rem 1rem}
.s0{border-color:#2166ac}.s1{border-color:#b2182b}h2{font-size:1rem;margin:.3rem 0}
p,q,td,li{white-space:pre-wrap;overflow-wrap:anywhere}q{quotes:none}
.v{background:#d9f0d3}.u{background:#f7d4d4}.v::after{content:" \\2713"}.u::after{content:" \\2717"}
footer{border-top:1px solid #bbb;margin-top:1.5rem}
@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}.v{background:#1b4d22}
.u{background:#5a1f1f}}
"""


def _html_text(text: str) -> str:
    """Escape a speech and set off its quotes, by the escaped form of their marks."""

    def paint(match: re.Match[str]) -> str:
        title = "found in the passage" if match[1] == "v" else "not found in the passage"
        return f'<q class="{match[1]}" title="{title}">{match[2]}</q>'

    return re.sub(escape(MARKED_QUOTE.pattern), paint, escape(text), flags=re.DOTALL)


def render_html(episode: Episode) -> str:
    """Return the debate as one HTML page without scripts or outside resources.

    Verified quotes are green and ticked, unverified ones red and crossed. The passage is folded
    away; the correct answer is shown once there is a verdict.
    """
    known = None if episode.outcome is None else episode.outcome.info()["label"]
    answers = "".join(
        f"<li>{escape(clean(a))}{' <strong>(correct)</strong>' if i == known else ''}</li>"
        for i, a in enumerate(episode.answers)
    )
    speeches = "".join(
        f'<section class="s{episode.seats.index(s.seat)}"><h2>Round {s.round} · {_name(s.seat)}'
        f"</h2><p>{_html_text(s.text)}</p></section>"
        for s in episode.speeches
    )
    result = "".join(f"<p>{escape(clean(line))}</p>" for line in _result(episode))
    question = escape(clean(episode.question.question))
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f"<title>Debate: {question}</title><style>{_STYLE}</style></head><body>"
        f'<h1>{question}</h1><ol start="0">{answers}</ol>{speeches}<footer>{result}</footer>'
        f"<details><summary>Passage</summary><p>{escape(clean(episode.question.passage))}</p>"
        "</details></body></html>\n"
    )
