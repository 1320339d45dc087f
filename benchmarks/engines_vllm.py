"""How much of the prompts real vLLM computes: its own counts, over a tiny model of random weights.

Optional: it runs where vLLM is installed (any build). A token is one of the model's own.
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

from engines_equal import PASSAGE_TIMES, passage_times
from engines_simulated import Computed, Tokens, common_prefix, trie_size
from engines_table import Figure
from engines_workload import PASSAGES, QUESTIONS_PER_PASSAGE, equal_work, fixed_questions

from debateqd.agents.debater import StrategyDebater
from debateqd.agents.models.base import Sampling, delivery_of
from debateqd.agents.rollout import DebateJob, play

CONTEXT = 16_384
SPEECH = Sampling(max_tokens=130, temperature=0.7)
_HEAD = 1_000  # prompts that have as many first tokens in common share a passage


def available() -> bool:
    """Whether vLLM and what makes the tiny model are installed."""
    return all(importlib.util.find_spec(name) for name in ("vllm", "transformers", "tokenizers"))


class WatchedRunner:
    """Hands everything on to the engine, and keeps each prompt and what was cached of it.

    Attributes:
        prompts: Token ids by key.
        cached: Cached tokens by key, as vLLM reports them.
    """

    def __init__(self, runner: Any) -> None:
        self.prompts: dict[int, Tokens] = {}
        self.cached: dict[int, int] = {}
        self._runner = runner

    def send(self, key: int, ask: Any, rank: int) -> None:
        """Hand the engine a request."""
        self._runner.send(key, ask, rank)
        self.prompts[key] = tuple(ask.ids)

    def step(self) -> Any:
        """Compute one step."""
        finished = self._runner.step()
        self.cached |= {one.key: one.cached for one in finished}
        return finished

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runner, name)


def with_passages(prompts: Sequence[Tokens], cached: Sequence[int]) -> list[Computed]:
    """Find the passages of prompts: what neighbours in their order have in common, if it is long.

    Args:
        prompts: Token ids.
        cached: How many of each were cached.
    """
    found = []
    order = sorted(range(len(prompts)), key=prompts.__getitem__)
    for name, (_, members) in enumerate(groupby(order, key=lambda k: prompts[k][:_HEAD])):
        group = list(members)
        head = common_prefix(prompts[group[0]], prompts[group[-1]])
        found += [Computed(len(prompts[k]), cached[k], head, name) for k in group]
    return found


def _shorter(job: DebateJob) -> DebateJob:
    agents = {
        seat: StrategyDebater(agent.model, agent.strategy, sampling=SPEECH)
        if isinstance(agent, StrategyDebater)
        else agent
        for seat, agent in job.agents.items()
    }
    return replace(job, agents=agents)


def vllm_prefill(debates: int | None = None) -> list[Figure]:
    """Return what vLLM computes of the fixed workload.

    Args:
        debates: About so many, fewer passages being used; all by default.
    """
    from debateqd.agents.models.vllm import make_vllm
    from tests.tiny_model import make_tiny_model

    questions, source = fixed_questions()
    per_passage = 2 * QUESTIONS_PER_PASSAGE
    passages = PASSAGES if debates is None else max(1, min(PASSAGES, debates // per_passage))
    questions = questions[: passages * QUESTIONS_PER_PASSAGE]
    with tempfile.TemporaryDirectory() as folder:
        texts = sorted({question.passage for question in questions})
        tiny = make_tiny_model(Path(folder) / "tiny", positions=CONTEXT, corpus=texts)
        model: Any = make_vllm(str(tiny), max_model_len=CONTEXT, max_num_seqs=64)
        try:
            # The only place where the engine's requests can be seen one by one.
            watched = model._runner = WatchedRunner(model._runner)
            block = int(watched._llm.llm_engine.vllm_config.cache_config.block_size)
            records = list(play(map(_shorter, equal_work(questions, model)), max_open=256))
            delivery = delivery_of(model)
        finally:
            model.close()
    failed = sum(record.failure is not None for record in records)
    keys = sorted(watched.prompts)
    prompts = [watched.prompts[key] for key in keys]
    computed = delivery["prompt_tokens"] - delivery["cached_prompt_tokens"]
    assert delivery["requests"] == len(prompts), "every request to the engine was seen"
    bound = trie_size(prompts)
    worst = passage_times(with_passages(prompts, [watched.cached[key] for key in keys]))
    print(
        f"vllm: {len(records)} debates ({failed} failed) on {source}, {len(prompts)} prompts, tiny "
        f"model with a context of {CONTEXT:,} tokens, blocks of {block}"
    )
    return [
        Figure("vLLM: prompt tokens", delivery["prompt_tokens"]),
        Figure("vLLM: token-trie bound", bound),
        Figure("vLLM: computed prompt tokens", computed, bound + block * len(prompts)),
        Figure("vLLM: a passage computed, worst", worst, PASSAGE_TIMES, "times", 3),
        Figure("vLLM: computed a debate", computed / len(records)),
        Figure("vLLM: debates failed", failed, 0),
    ]
