"""One contract for every engine: vLLM in process, its server, and a server of a poorer dialect."""

from __future__ import annotations

import importlib.util

import pytest

from debate_env.core.settings import DebateSettings
from debate_env.errors import InputError
from debateqd.agents.judge import ModelJudge
from debateqd.agents.models.base import capabilities_of, delivery_of, notes_of
from debateqd.agents.models.registry import make_model
from debateqd.agents.rollout import DebateJob, play_all
from debateqd.agents.scripted import QuotingDebater
from debateqd.agents.testing import CHECKS
from debateqd.agents.verdicts import resolve
from tests.agents.fakes import question
from tests.real_servers import free_port, transformers_server, vllm_server


@pytest.fixture(scope="module")
def server(tiny_model, tmp_path_factory):
    with vllm_server(tiny_model, tmp_path_factory.mktemp("server") / "log") as url:
        yield url


@pytest.fixture(scope="module")
def served(server):
    model = make_model("openai:tiny", base_urls=(server,))
    yield model
    model.close()


@pytest.fixture(scope="module")
def plain_server(tiny_model, tmp_path_factory):
    if importlib.util.find_spec("fastapi") is None:
        pytest.skip("transformers[serving] is not installed")
    with transformers_server(tiny_model, tmp_path_factory.mktemp("plain") / "log") as url:
        yield url


@pytest.fixture(scope="module")
def plainly_served(plain_server, tiny_model):
    model = make_model(f"openai:{tiny_model}", base_urls=(plain_server,))
    yield model
    model.close()


@pytest.mark.vllm
@pytest.mark.parametrize("name", CHECKS)
def test_vllm_in_process_keeps_the_contract(name, vllm_model):
    CHECKS[name](vllm_model)


@pytest.mark.server
@pytest.mark.parametrize("name", CHECKS)
def test_a_vllm_server_keeps_the_contract(name, served):
    CHECKS[name](served)


@pytest.mark.server
@pytest.mark.parametrize("name", CHECKS)
def test_a_server_without_log_probabilities_keeps_the_contract(name, plainly_served):
    CHECKS[name](plainly_served)


def debates(model, number=4):
    speaker = QuotingDebater()
    agents = {"debater_0": speaker, "debater_1": speaker, "judge_0": ModelJudge(model)}
    rules = DebateSettings(rounds=1)
    return play_all([DebateJob(str(n), question(n), agents, n, rules) for n in range(number)])


@pytest.mark.server
def test_a_vllm_server_and_vllm_itself_give_the_same_verdicts(served, vllm_model):
    here, there = debates(vllm_model), debates(served)
    for one, other in zip(here, there, strict=True):
        assert one.outcome.credence == pytest.approx(other.outcome.credence, abs=0.02)
        assert one.details["judge_0"]["method"] == "probabilities"
        assert other.details["judge_0"]["method"] == "probabilities"


@pytest.mark.server
def test_what_a_server_can_do_is_found_out_and_said(served, plainly_served):
    rich, poor = capabilities_of(served), capabilities_of(plainly_served)
    assert (rich.probabilities, rich.schema, rich.context_length) == (True, True, 16384)
    assert not poor.probabilities
    assert not poor.schema
    assert "log-probabilities yes" in notes_of(served)[0]
    assert "log-probabilities no" in notes_of(plainly_served)[0]
    settings = ModelJudge(plainly_served).verdict
    assert resolve(settings, plainly_served).method == "votes"
    assert resolve(settings, served).method == "probabilities"


@pytest.mark.server
def test_a_servers_prefix_cache_is_used_and_counted(served):
    debates(served, 2)
    before = delivery_of(served)["cached_prompt_tokens"]
    debates(served, 2)
    assert delivery_of(served)["cached_prompt_tokens"] > before


@pytest.mark.server
def test_a_wrong_name_and_a_closed_port_are_one_line(server):
    with pytest.raises(InputError, match="tiny") as wrong:
        make_model("openai:tny", base_urls=(server,))
    with pytest.raises(InputError, match="no connection") as closed:
        make_model("openai:tiny", base_urls=(f"http://127.0.0.1:{free_port()}/v1",), patience=0.1)
    for error in (wrong, closed):
        assert "\n" not in str(error.value)
