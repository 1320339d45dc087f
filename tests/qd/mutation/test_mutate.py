import pytest

from debate_env.errors import InputError
from debateqd.agents.base import derive_seed
from debateqd.agents.models.base import Reply, Request, Usage
from debateqd.agents.prompts import section, task_of
from debateqd.qd.mutation.leaks import LeakGuard
from debateqd.qd.mutation.mutate import (
    Child,
    Draft,
    MutationSettings,
    MutationTask,
    Rejected,
    breed,
    mutate,
    refusal_counts,
)
from debateqd.qd.mutation.novelty import StrategyPool
from debateqd.qd.mutation.operators import MUTATORS, RewriteMutator, make_mutator
from debateqd.qd.strategy import Strategy

PARENT = Strategy("s0003", "refutation", "Attack the weakest claim of your opponent.", generation=1)
SETTINGS = MutationSettings(max_words=20, max_attempts=3)
TOLD, ASKED = "Tell it as the story of a single day.", "Ask what the other side leaves out."
NEW = "Quote three lines and explain each of them in a sentence."


def task(child=0, generation=2, record=""):
    return MutationTask((PARENT,), generation, child, record)


def said(text):
    return Reply(f"Sure.\n<strategy>\n{text}\n</strategy>", usage=Usage(10, 5))


def drive(thought, *replies):
    """Answer a thought from a list; returns its result and the requests it made."""
    requests, script = [], list(replies)
    try:
        batch = next(thought)
        while True:
            assert len(batch) == 1
            requests += batch
            batch = thought.send([script.pop(0)])
    except StopIteration as stop:
        assert not script, "not all replies were asked for"
        return stop.value, requests


def attempt(*replies, pool=None, guard=None, settings=SETTINGS, job=None):
    return drive(
        mutate(
            RewriteMutator(settings),
            job or task(),
            run_seed=7,
            pool=pool or StrategyPool([PARENT.text]),
            settings=settings,
            guard=guard,
        ),
        *replies,
    )


def test_a_good_draft_becomes_a_child_with_its_lineage():
    child, (request,) = attempt(said(NEW), job=task(child=4, record="Won 3 of 8."))
    assert child.strategy("s0042") == Strategy(
        "s0042", "refutation", NEW, parents=("s0003",), generation=2, operator="rewrite"
    )
    assert (child.refusals, child.usage, child.calls) == ((), Usage(10, 5), 1)
    assert task_of(request.messages) == "mutate"
    prompt = request.messages[1].content
    assert section(prompt, "strategy") == PARENT.text
    assert section(prompt, "family") == "refutation"
    assert section(prompt, "record") == "Won 3 of 8."
    assert "at most 20 words" in prompt
    assert request.sampling == SETTINGS.sampling


def test_seeds_name_run_generation_child_and_attempt():
    _, requests = attempt(Reply("no"), Reply("no"), said(NEW), job=task(child=4))
    assert [r.seed for r in requests] == [derive_seed(7, "mutate", 2, 4, k) for k in range(3)]
    assert len({r.seed for r in requests}) == 3


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply("", "error", error="timed out"), "engine_error"),
        (Reply("<strategy>x y z</strategy>", "refused"), "refused"),
        (Reply("<strategy>Quote and", "length"), "truncated"),
        (Reply("I would quote more."), "unparsable"),
        (Reply(""), "unparsable"),
        (said("Quote \x00 more."), "unparsable"),
        (said("Quote \ud800 more."), "unparsable"),
        (said("  \n "), "empty"),
        (Reply("Reply with the new strategy between <strategy> and </strategy>."), "too_short"),
        (said("Quote the passage more."), "too_short"),
        (said("Quote the passage more. </family> And explain it."), "prompt"),
        (said("<instruction> Rewrite it, so that it may do better."), "prompt"),
        (said("Quote what matters, explain it, and then go on:"), "truncated"),
        (said("Quote what matters, explain it, and then (as a…"), "truncated"),
        (said("very " * 21), "too_long"),
        (said(PARENT.text.upper()), "exact_duplicate"),
        (said("aa bb cc d e f g h i j k l m n o p q r s NEW"), "near_duplicate"),
        (said("Say that the lamp went out at midnight, always."), "leak"),
    ],
)
def test_every_unusable_reply_is_a_typed_refusal(reply, kind):
    pool = StrategyPool([PARENT.text, "aa bb cc d e f g h i j k l m n o p q r s t"])
    guard = LeakGuard(["At last the lamp went out at midnight."], words=6)
    result, requests = attempt(reply, reply, reply, pool=pool, guard=guard)
    assert isinstance(result, Rejected)
    assert [r.kind for r in result.refusals] == [kind] * 3
    assert all(r.message and "\n" not in r.message for r in result.refusals)
    assert (len(requests), result.calls) == (3, 3)
    assert result.usage.completion_tokens == 3 * reply.usage.completion_tokens


def test_a_complete_strategy_counts_even_when_the_reply_was_cut_after_it():
    child, _ = attempt(Reply(f"<strategy>{NEW}</strategy> I chose this bec", "length"))
    assert child.text == NEW


def test_a_strategy_of_exactly_the_word_limit_passes():
    text = " ".join(f"w{i}" for i in range(20))
    assert attempt(said(text))[0].text == text


def test_refusals_before_a_success_are_kept_and_counted():
    child, _ = attempt(Reply("no"), said(PARENT.text), said(NEW))
    lost, _ = attempt(*[Reply("no")] * 3)
    assert [r.kind for r in child.refusals] == ["unparsable", "exact_duplicate"]
    assert (child.calls, child.usage) == (3, Usage(20, 10))
    assert refusal_counts([child, lost]) == {"exact_duplicate": 1, "unparsable": 4}
    assert refusal_counts([]) == {}


def test_mutate_reads_the_pool_and_leaves_it_alone():
    pool = StrategyPool([PARENT.text])
    attempt(said(NEW), pool=pool)
    assert pool.check(NEW) is None


# --- a generation -----------------------------------------------------------------------------


class Script:
    """Answers by (child, attempt), found by the request's seed; drives in a chosen order."""

    def __init__(self, texts, order=lambda n: range(n), run_seed=7, generation=2):
        self.replies = {
            derive_seed(run_seed, "mutate", generation, child, k): said(text)
            for (child, k), text in texts.items()
        }
        self.order = order
        self.waves = []

    def __call__(self, thoughts):
        results = [None] * len(thoughts)
        self.waves.append(len(thoughts))
        for index in self.order(len(thoughts)):
            batch = next(thoughts[index])
            try:
                while True:
                    batch = thoughts[index].send([self.answer(r) for r in batch])
            except StopIteration as stop:
                results[index] = stop.value
        return results

    def answer(self, request: Request):
        return self.replies.get(request.seed, Reply("nothing"))


def bred(script, children=3, pool=None, settings=SETTINGS):
    pool = StrategyPool([PARENT.text]) if pool is None else pool
    mutator = RewriteMutator(settings)
    jobs = [(mutator, task(child)) for child in range(children)]
    return breed(jobs, run_seed=7, pool=pool, settings=settings, run=script)


def test_siblings_cannot_copy_each_other_and_the_later_one_tries_again():
    script = Script(
        {
            (0, 0): NEW,
            (1, 0): NEW,
            (1, 1): "Ask one short question about a quote.",
            (2, 0): TOLD,
        }
    )
    pool = StrategyPool([PARENT.text])
    results = bred(script, pool=pool)
    assert [r.text for r in results] == [NEW, "Ask one short question about a quote.", TOLD]
    assert [len(r.refusals) for r in results] == [0, 1, 0]
    assert results[1].refusals[0].kind == "exact_duplicate"
    assert results[1].calls == 2
    assert script.waves == [3, 1]
    for text in (NEW, "Ask one short question about a quote.", TOLD):
        assert pool.check(text) is not None


def test_the_order_of_replies_changes_nothing():
    texts = {(0, 0): NEW, (1, 0): NEW, (1, 1): TOLD, (2, 0): TOLD, (2, 1): ASKED}
    forward = bred(Script(texts))
    backward = bred(Script(texts, order=lambda n: reversed(range(n))))
    assert forward == backward
    # Child 2 was admitted in the first wave, so it is child 1 that had to give way in the second.
    assert [type(r) for r in forward] == [Child, Rejected, Child]


def test_a_child_that_keeps_copying_its_sibling_is_rejected_after_its_attempts():
    script = Script({(c, k): NEW for c in range(2) for k in range(3)})
    first, second = bred(script, children=2)
    assert isinstance(first, Child)
    assert isinstance(second, Rejected)
    # The first draft clashed with the sibling on admission, the others were refused at once.
    assert [r.kind for r in second.refusals] == ["exact_duplicate"] * SETTINGS.max_attempts
    assert second.calls == 3


def test_a_single_attempt_leaves_no_second_chance():
    settings = MutationSettings(max_attempts=1)
    script = Script({(0, 0): NEW, (1, 0): NEW})
    assert isinstance(bred(script, children=2, settings=settings)[1], Rejected)
    assert script.waves == [2]


def test_no_jobs_no_calls():
    script = Script({})
    assert bred(script, children=0) == []
    assert script.waves == []


# --- operators --------------------------------------------------------------------------------


class Splice:
    """An operator of somebody else's: two parents, no model, another family."""

    name = "splice"
    arity = 2

    def draft(self, task, seed):
        first, second = (p.text.split() for p in task.parents)
        return Draft(" ".join(first[:3] + second[3:] + [str(seed)]), "authority", calls=0)
        yield


def test_another_operator_plugs_in_with_three_members():
    parents = (PARENT, Strategy("s0009", "authority", "Speak as an expert and never hedge."))
    job = MutationTask(parents, 2, 0)
    results = breed(
        [(Splice(), job)],
        run_seed=7,
        pool=StrategyPool(),
        settings=SETTINGS,
        run=lambda thoughts: [drive(t)[0] for t in thoughts],
    )
    child = results[0].strategy("s0100")
    assert (child.parents, child.family, child.operator) == (
        ("s0003", "s0009"),
        "authority",
        "splice",
    )


def test_the_wrong_number_of_parents_is_an_error_of_the_caller():
    with pytest.raises(ValueError, match="needs 2 parents, not 1"):
        drive(mutate(Splice(), task(), run_seed=7, pool=StrategyPool(), settings=SETTINGS))


def test_mutators_by_name():
    assert set(MUTATORS.names()) >= {"rewrite", "crossover", "reflection", "target"}
    assert isinstance(make_mutator("rewrite", SETTINGS), RewriteMutator)
    with pytest.raises(InputError, match="did you mean 'rewrite'"):
        make_mutator("rewrit", SETTINGS)


@pytest.mark.parametrize("name", ["max_words", "max_attempts"])
def test_unusable_settings(name):
    with pytest.raises(InputError, match=f"^mutation {name} 0: must be 1 or more$"):
        MutationSettings(**{name: 0})
    MutationSettings(**{name: 1})
