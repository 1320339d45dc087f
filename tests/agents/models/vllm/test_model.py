from __future__ import annotations

import pytest

from debateqd.agents.models.base import (
    ChatModel,
    Message,
    MeteredModel,
    PatientModel,
    Reply,
    Request,
    Sampling,
    StoppedError,
    TokenCounter,
    capabilities_of,
    delivery_of,
    notes_of,
)
from debateqd.agents.models.vllm import VllmModel
from debateqd.agents.models.vllm.prompts import PromptWriter
from debateqd.agents.models.vllm.runner import EngineFacts, Finished, RefusedError
from debateqd.agents.models.vllm.stages import Generated
from tests.agents.models.vllm.test_prompts import CharacterTokenizer


class FakeRunner:
    """An engine that finishes one request in two steps, the lowest rank first."""

    def __init__(self):
        self.facts = EngineFacts(1000, 5000, "float32", "", "Tiny", "CPU", "1.2")
        self.inside = []
        self.order = []
        self.steps = 0
        self.trouble = None
        self.closed = False

    def send(self, key, ask, rank):
        if self.trouble is not None and "refuse" in bytes(ask.ids).decode():
            raise self.trouble
        self.inside.append((rank, key, ask))

    def step(self):
        self.steps += 1
        if isinstance(self.trouble, MemoryError):
            raise self.trouble
        if not self.inside or self.steps % 2:
            return []
        self.inside.sort(key=lambda one: one[:2])
        _, key, ask = self.inside.pop(0)
        self.order.append("".join(map(chr, ask.ids)))
        logs = {token: -float(token % 7) - 1 for token in ask.watch}
        return [
            Finished(key, Generated([1] * min(3, ask.max_tokens), "xyz", "stop", None, logs), 4)
        ]

    def close(self):
        self.closed = True


def model_of(runner=None, **options):
    writer = PromptWriter(CharacterTokenizer(), **options)
    return VllmModel("vllm:tiny", "print", runner or FakeRunner(), writer, ("", ""), 99)


def request(text="Why?", passage="Rules.", choices=None, max_tokens=5):
    messages = (Message("system", passage), Message("user", text))
    return Request(messages, Sampling(max_tokens), 3, choices)


def drain(model, count):
    replies = {}
    while len(replies) < count:
        for ticket, reply in model.poll():
            assert ticket not in replies
            replies[ticket] = reply
    assert model.poll() == []
    return replies


def test_it_is_everything_that_a_model_may_be():
    model = model_of()
    for protocol in (ChatModel, PatientModel, MeteredModel, TokenCounter):
        assert isinstance(model, protocol)
    found = capabilities_of(model)
    assert (found.probabilities, found.schema, found.context_length, found.cache_tokens) == (
        True,
        True,
        1000,
        5000,
    )
    assert (model.name, model.fingerprint) == ("vllm:tiny", "print")
    assert "context 1,000 tokens" in notes_of(model)[0]


def test_every_ticket_comes_back_once():
    model = model_of()
    model.submit([(ticket, request(f"{ticket}?")) for ticket in range(20)])
    replies = drain(model, 20)
    assert all(reply.text == "xyz" for reply in replies.values())


def test_requests_that_wait_are_ranked_passage_by_passage():
    runner = FakeRunner()
    model = model_of(runner)
    model.submit([(0, request("first", passage="0"))])
    model.submit([(n + 1, request(f"{n}?", passage=str(n % 3))) for n in range(9)])
    drain(model, 10)
    passages = [prompt.partition("\n")[2][0] for prompt in runner.order]
    assert passages == ["0"] * 4 + ["1"] * 3 + ["2"] * 3
    # Those of one passage keep their order.
    assert [p.split("\n")[2][:2] for p in runner.order[1:4]] == ["0?", "3?", "6?"]


def test_polling_does_not_wait_longer_than_it_may():
    model = model_of()
    model.submit([(1, request())])
    assert model.poll_for(0) == []
    assert model.poll_for(10) == [(1, Reply("xyz", "stop", (len_of(request()), 3, 0)))]
    assert model.poll_for(10) == []


def len_of(asked):
    return model_of().count_tokens(asked.messages)


def test_a_verdict_has_probabilities_and_its_text_is_a_choice():
    model = model_of()
    model.submit([(1, request(choices=("A", "B", "C")))])
    reply = drain(model, 1)[1]
    assert sum(reply.probabilities) == pytest.approx(1)
    assert reply.text == "ABC"[reply.probabilities.index(max(reply.probabilities))]
    assert 0 < reply.missing_mass < 1


def test_one_bad_request_harms_no_other():
    runner = FakeRunner()
    runner.trouble = RefusedError("not like this")
    model = model_of(runner)
    model.submit([(1, request()), (2, request("refuse")), (3, request("x" * 2000)), (4, request())])
    replies = drain(model, 4)
    assert replies[1].text == replies[4].text == "xyz"
    assert "not like this" in replies[2].error
    assert replies[3].error_kind == "context_too_long"
    assert model.delivery["failed"] == 2


def test_a_message_that_the_template_refuses_is_an_error():
    class Picky(CharacterTokenizer):
        def apply_chat_template(self, conversation, **options):
            if "bad" in conversation[-1]["content"]:
                raise ValueError("no\nbad words")
            return super().apply_chat_template(conversation, **options)

    model = VllmModel("vllm:t", "", FakeRunner(), PromptWriter(Picky()), ("", ""), 99)
    model.submit([(1, request("bad")), (2, request("good"))])
    replies = drain(model, 2)
    assert "ValueError: no bad words" in replies[1].error
    assert replies[2].text == "xyz"


def test_a_dead_engine_stops_the_work_in_one_line():
    runner = FakeRunner()
    model = model_of(runner)
    model.submit([(1, request())])
    runner.trouble = MemoryError("CUDA out of memory.\nTried to allocate")
    for _ in range(2):
        with pytest.raises(StoppedError, match="out of memory") as caught:
            model.poll()
        assert "\n" not in str(caught.value)
    with pytest.raises(StoppedError, match="vllm:tiny"):
        model.submit([(2, request())])


def test_the_cause_may_stand_in_the_log_of_the_engine(tmp_path):
    with (tmp_path / "log").open("w+b") as log:
        log.write(b"RuntimeError: see root cause\nValueError: the disk is full\n")
        log.flush()
        runner = FakeRunner()
        model = VllmModel(
            "vllm:t", "", runner, PromptWriter(CharacterTokenizer()), ("", ""), 99, log
        )
        model.submit([(1, request())])
        runner.trouble = MemoryError("See root cause above.")
        with pytest.raises(StoppedError, match="the disk is full"):
            model.poll()
        model.close()
        assert log.closed


def test_what_the_engine_did_is_counted():
    model = model_of()
    model.submit([(1, request()), (2, request(choices=("A", "B")))])
    replies = drain(model, 2)
    tokens = sum(reply.usage.prompt_tokens for reply in replies.values())
    assert delivery_of(model) == {
        "requests": 2,
        "prompt_tokens": tokens,
        "cached_prompt_tokens": 8,
        "completion_tokens": 4,
        "thinking_tokens": 0,
        "failed": 0,
    }
    model.delivery["requests"] = 99
    assert model.delivery["requests"] == 2


def test_a_closed_model_takes_nothing_more():
    runner = FakeRunner()
    model = model_of(runner)
    model.submit([(1, request())])
    model.close()
    model.close()
    assert runner.closed
    with pytest.raises(StoppedError, match="closed"):
        model.submit([(2, request())])
