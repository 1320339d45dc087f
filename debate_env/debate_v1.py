"""
# Debate

| Creation           | `make("aec", "debateqd/debate-v1")`                                         |
|--------------------|-----------------------------------------------------------------------------|
| Actions            | Text (debaters), Continuous (judge)                                         |
| Parallel API       | Yes: one step per wave of acting agents                                     |
| Manual Control     | No                                                                          |
| Agents             | `agents= ['debater_0', 'debater_1', 'judge_0']`                             |
| Agents             | 3                                                                           |
| Action Shape       | text of 0 to `max_chars` characters (debaters), (n,) (judge, n answers)     |
| Action Values      | any Unicode text (debaters), [0, 1] (judge)                                 |
| Observation Shape  | Dict of texts and Discrete, see below                                       |
| Observation Values | any Unicode text                                                            |

Two debaters have read a passage and argue for different answers to a question about it. A judge who
has *not* read the passage decides between the answers from the transcript alone. No model is called
in here: debaters and judge are agents like any other, programs, language models or people.

In a simultaneous round (the default) a debater does not see what the other says in that round:
`step` still takes the speeches one by one, but they are published together, and
`env.unwrapped.acting_agents` names everybody whose observation is already fixed, so that all of
them can be asked at once. In a sequential round `debater_1` replies having read `debater_0`.

A debater may put words of the passage between `<quote>` and `</quote>`. Everybody then sees whether
they are really there: `<v_quote>` marks a verified quote, `<u_quote>` an unverified one. A speech
cannot forge a mark, a speaker or a verdict.

### Arguments

``` python
debate_v1.env(questions=None, protocol="simultaneous", rounds=2, word_limit=150, words="reader",
max_chars=4000, quotes="strict", objective="persuasion", reward_form="credence", mix_weight=0.5,
render_mode=None)
```

`questions`: a sequence of `Question`, all with the same number of answers; or a source such as
`"builtin"` (the default), `"synthetic:passages=50"` or the path of a file.

`protocol`: `"simultaneous"` or `"sequential"`, or a registered protocol of your own.

`rounds`: rounds of speeches before the verdict.

`word_limit`: a longer speech is cut, an open quote closed and ` […]` appended; `info["clipped"]`
counts the cuts.

`words`: `"reader"`, words as a reader sees them, two characters in scripts without spaces; or
`"whitespace"`, pieces between white space.

`max_chars`: a longer speech is a `ValueError` that names the agent, the length and the limit.

`quotes`: `"strict"` or `"khan"`, how quotes are checked.

`objective`: what the debaters are paid: `"persuasion"`, `"truth"` or `"mix"`.

`reward_form`: `"credence"`, `"win"` or `"log_odds"`.

`mix_weight`: weight of truth in `"mix"`.

`reset(seed, options)` draws the question and who defends which answer. The options `index` (of the
question), `swap` (exchange the two contested answers) and `rival` (index of the wrong answer that
is defended, with more than two) fix them; any other option is ignored, unless it is one misspelt.

### Observation Space

The same dictionary for every agent:

| Key          | Space            | Content                                                    |
|--------------|------------------|------------------------------------------------------------|
| `passage`    | text             | the passage; empty for the judge                           |
| `question`   | text             | the question                                               |
| `answers`    | tuple of n texts | debater 0's answer, debater 1's, then any others           |
| `position`   | text             | the answer that this agent defends; empty for the judge    |
| `transcript` | text             | what was said; decoded by `transcript.parse_transcript`    |
| `phase`      | Discrete(3)      | 0 speeches, 1 verdict, 2 over                              |
| `round`      | Discrete         | from 1; the verdict's follows the last of speeches         |

The correct answer is in no observation, and in the infos only after the verdict. `state()` is the
view of an omniscient spectator: the passage, and pending speeches, but not the correct answer.

### Action Space

Debaters: a `str`; the empty speech is legal. Judge: one credence per answer, in the order of
`answers`; they are normalised to sum to 1, and all zeros abstain. Anything outside the action space
is a `ValueError` from the environment itself that says what was wrong, which is why `env` does not
need PettingZoo's `AssertOutOfBoundsWrapper`.

### Rewards

All rewards are 0 until the verdict. With `p` the judge's credence:

| Form       | Persuasion (debater 0, debater 1)    | Truth (both debaters)                       |
|------------|--------------------------------------|---------------------------------------------|
| `credence` | `p[0] - p[1]`, `p[1] - p[0]`         | `p[label]`                                  |
| `win`      | +1 / -1, 0 on a tie                  | 1 if right, 1/k on a tie of k, else 0       |
| `log_odds` | `log(p[0] / p[1])` and its negative  | `log(p[label] / (1 - p[label]))`            |

`mix` is `mix_weight * truth + (1 - mix_weight) * persuasion`. The judge earns
`log p[label] + log n`. Inside logarithms probabilities are floored at 1e-6. Both scores are always
in the terminal `info["scores"]`, whichever is paid.

A verdict terminates all agents. So does an abstention, with reward 0 for everybody and
`info["verdict_ok"] = False`. A runner whose agent gives no usable reply, or whose backend fails,
calls `env.unwrapped.abort("unusable" or "error", message)`, which truncates all agents.

### Version History

* v1: Strict quotes are compared word by word, so that numbers keep sign and point, words do not
  join or part, and ends of sentences show; words are counted as a reader sees them (0.1.0)
* v0: Initial version

"""  # noqa: D212, D415

from __future__ import annotations

from typing import Any, ClassVar, Unpack

from pettingzoo.utils import wrappers

from debate_env.core.aec import AECDebate, Questions
from debate_env.core.parallel import ParallelDebate
from debate_env.core.settings import SettingsFields, read_settings

__all__ = ["env", "parallel_env", "raw_env"]


class raw_env(AECDebate):  # noqa: N801 - PettingZoo's name
    """The environment of this page without wrappers.

    Args:
        questions: A sequence of questions, a source for
            :func:`debate_env.questions.sources.load_questions`, the path of a file, or ``None`` for
            the built-in ones.
        render_mode: ``"human"``, ``"ansi"``, ``"html"`` or ``None``.
        **settings: Fields of :class:`debate_env.core.settings.DebateSettings`, whose defaults are
            those of this page.
    """

    metadata: ClassVar[dict[str, Any]] = {**AECDebate.metadata, "name": "debate_v1"}

    def __init__(
        self,
        questions: Questions = None,
        *,
        render_mode: str | None = None,
        **settings: Unpack[SettingsFields],
    ) -> None:
        rules = read_settings(settings, "questions", "render_mode")
        super().__init__(questions, rules, render_mode)


def env(
    questions: Questions = None,
    *,
    render_mode: str | None = None,
    **settings: Unpack[SettingsFields],
) -> wrappers.OrderEnforcingWrapper:
    """Make :class:`raw_env` with PettingZoo's checks on the order of calls."""
    return wrappers.OrderEnforcingWrapper(raw_env(questions, render_mode=render_mode, **settings))


def parallel_env(
    questions: Questions = None,
    *,
    render_mode: str | None = None,
    **settings: Unpack[SettingsFields],
) -> ParallelDebate:
    """Make the environment with PettingZoo's parallel interface: one step per wave."""
    return ParallelDebate(raw_env(questions, render_mode=render_mode, **settings))
