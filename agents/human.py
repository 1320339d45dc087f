"""A person at a terminal, in any seat.

What is shown is built from the observation of the seat alone, so a person who judges is as blind to
the passage as any other judge.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any

from debate_env.agent import Observation
from debate_env.core.protocols import VERDICT
from debate_env.core.settings import DebateSettings
from debate_env.core.speeches import clean
from debate_env.core.transcript import Speech, parse_transcript
from debate_env.core.words import count_words
from debateqd.agents.prompts import LETTERS

_WIDTH = 96
_MARKS = (
    ("<v_quote>", "“"),
    ("</v_quote>", "” [verified]"),
    ("<u_quote>", "“"),
    ("</u_quote>", "” [NOT in the passage]"),
)


class Left(KeyboardInterrupt):
    """The person left (end of input). Like Ctrl-C it is no failure of a debate: it ends the run."""


def wrapped(text: str, indent: str = "  ") -> str:
    """Wrap text for a terminal, keeping its line breaks; nothing in it can control the terminal."""
    return "\n".join(
        textwrap.fill(line, _WIDTH, initial_indent=indent, subsequent_indent=indent) or ""
        for line in clean(text).split("\n")
    )


def shown_speech(speech: Speech) -> str:
    """Return a speech for a terminal, with its quotes marked in words."""
    text = speech.text
    for tag, sign in _MARKS:
        text = text.replace(tag, sign)
    return f"\n[round {speech.round}] {speech.seat}\n{wrapped(text)}"


class HumanAgent:
    """Asks a person for speeches and verdicts.

    Args:
        settings: The rules, for the word limit.
        read: Returns one line of input; raises ``EOFError`` at its end. Standard input by default.
        write: Shows one piece of text; standard output by default.
    """

    def __init__(
        self,
        settings: DebateSettings,
        *,
        read: Callable[[], str] | None = None,
        write: Callable[[str], object] | None = None,
    ) -> None:
        self._settings = settings
        self._read = read or input
        self._write = write or print
        self._shown: tuple[str, str] | None = None  # question and passage on the screen
        self._heard: tuple[Speech, ...] = ()

    def act(self, observations: Sequence[Observation]) -> list[Any]:
        """Show and ask, one observation after the other."""
        return [self._one(observation) for observation in observations]

    def _one(self, observation: Observation) -> Any:
        self._show(observation)
        judging = observation["phase"] == VERDICT
        n = len(observation["answers"])
        return self._verdict(n) if judging else self._speech(observation["round"])

    def _show(self, observation: Observation) -> None:
        speeches = parse_transcript(observation["transcript"])
        here = (observation["question"], observation["passage"])
        if self._shown != here or self._heard != speeches[: len(self._heard)]:
            self._shown, self._heard = here, ()
            if observation["passage"]:
                self._write(f"\nPASSAGE\n{wrapped(observation['passage'])}")
            self._write(f"\nQUESTION\n{wrapped(observation['question'])}")
            for index, answer in enumerate(observation["answers"]):
                side = f" (debater_{index})" if index < 2 else ""
                self._write(f"  {LETTERS[index]}{side}: {clean(answer)}")
            if observation["position"]:
                self._write(f"\nYou argue for: {clean(observation['position'])}")
        for speech in speeches[len(self._heard) :]:
            self._write(shown_speech(speech))
        self._heard = speeches

    def _line(self, *, begun: bool = False) -> str:
        try:
            return self._read()
        except EOFError:
            if begun:  # what has been said counts
                return ""
            raise Left("end of input") from None

    def _speech(self, round_number: int) -> str:
        limit = self._settings.word_limit
        self._write(
            f"\nROUND {round_number} of {self._settings.rounds}: your speech, at most {limit} "
            "words. Quote the passage word for word\nbetween <quote> and </quote>. "
            "An empty line ends the speech; a full stop alone says nothing."
        )
        lines: list[str] = []
        while True:
            line = self._line(begun=bool(lines))
            if line.strip() == "." and not lines:
                break
            if line.strip():
                lines.append(line)
            elif lines:
                break
        text = "\n".join(lines)
        words = count_words(text, self._settings.words)
        if words > limit:
            self._write(f"(That is {words} words; what follows word {limit} is cut.)")
        return text

    def _verdict(self, n: int) -> list[float]:
        letters = LETTERS[:n]
        self._write(
            f"\nVERDICT: a letter ({', '.join(letters)}), or {n} percentages for "
            f"{', '.join(letters)} such as '{_example(n)}', or 'abstain'."
        )
        while True:
            credence = parse_verdict(self._line(), n)
            if credence is not None:
                return credence
            self._write(
                f"Please give a letter ({', '.join(letters)}), {n} percentages that sum to 100, "
                "or 'abstain'."
            )


def _example(n: int) -> str:
    shares = [100 - (n - 1) * (100 // n), *[100 // n] * (n - 1)] if n > 2 else [70, 30]
    return " ".join(map(str, shares))


def parse_verdict(line: str, n: int) -> list[float] | None:
    """Read a person's verdict.

    Args:
        line: A letter, ``n`` percentages that sum to 100 (the last one may be left out), or
            ``"abstain"``.
        n: Number of answers.

    Returns:
        Credences; all zeros abstain; ``None`` when the line is none of these.
    """
    text = line.strip().lower()
    if text == "abstain":
        return [0.0] * n
    if len(text) == 1 and text.isalpha() and text.upper() in LETTERS[:n]:
        return [float(i == LETTERS.index(text.upper())) for i in range(n)]
    try:
        shares = [float(part) for part in text.replace("%", " ").replace(",", " ").split()]
    except ValueError:
        return None
    if len(shares) == n - 1:
        shares.append(100.0 - sum(shares))
    if len(shares) != n or not all(isfinite(s) and 0 <= s <= 100 for s in shares):
        return None
    return [s / 100 for s in shares] if abs(sum(shares) - 100) < 0.5 else None
