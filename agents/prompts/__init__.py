"""Every prompt, and nothing else that is sent to a chat model.

``*_messages`` write a prompt: of debates in :mod:`debateqd.agents.prompts.debate`, which has the
layout and what keeps text from outside in its section; of the mutator, the labeller and the writer
in the others. Their inverses read a prompt back, for models that are programs.
"""

from debateqd.agents.prompts.debate import (
    CREDENCE_VERSION,
    LETTERS,
    PROMPT_VERSION,
    STOPS,
    Form,
    Task,
    cut_at_tag,
    debater_messages,
    judge_messages,
    neutralise,
    reader_messages,
    repair_messages,
)
from debateqd.agents.prompts.labels import label_messages, listed_ways, shown_speeches
from debateqd.agents.prompts.mutation import (
    Aim,
    DebateExcerpt,
    DebateShown,
    Operator,
    crossover_messages,
    debates_shown,
    mutation_messages,
    operator_of,
    own_words,
    parse_mutation,
    reflection_messages,
    second_strategy,
    target_messages,
    wish,
    wishes_of,
)
from debateqd.agents.prompts.readers import (
    SpokenBlock,
    asks_credence,
    contested_answers,
    listed_answers,
    section,
    side_of,
    speeches,
    task_of,
)
from debateqd.agents.prompts.writing import examples_shown, writing_messages

__all__ = [
    "CREDENCE_VERSION",
    "LETTERS",
    "PROMPT_VERSION",
    "STOPS",
    "Aim",
    "DebateExcerpt",
    "DebateShown",
    "Form",
    "Operator",
    "SpokenBlock",
    "Task",
    "asks_credence",
    "contested_answers",
    "crossover_messages",
    "cut_at_tag",
    "debater_messages",
    "debates_shown",
    "examples_shown",
    "judge_messages",
    "label_messages",
    "listed_answers",
    "listed_ways",
    "mutation_messages",
    "neutralise",
    "operator_of",
    "own_words",
    "parse_mutation",
    "reader_messages",
    "reflection_messages",
    "repair_messages",
    "second_strategy",
    "section",
    "shown_speeches",
    "side_of",
    "speeches",
    "target_messages",
    "task_of",
    "wish",
    "wishes_of",
    "writing_messages",
]
