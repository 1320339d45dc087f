"""The stand-in server must be what the tests and benchmarks take it for."""

from __future__ import annotations

import asyncio
import json
import resource
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from debate_env.core.settings import DebateSettings
from debateqd.agents.debater import StrategyDebater
from debateqd.agents.judge import ModelJudge
from debateqd.agents.models.base import Message, Sampling
from debateqd.agents.prompts import mutation_messages, parse_mutation
from debateqd.agents.rollout import DebateJob, DebateRecord, play_all
from tests.agents.fakes import question
from tests.agents.models.openai.helpers import answers, ask, connected, wait_for
from tests.servers import Faults, ProcessServer, Settings, serve, serve_process


def post(url: str, path: str = "/chat/completions", **body: Any) -> tuple[int, Any]:
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    data = json.dumps({"model": "tiny", "messages": messages, **body}).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url + path, data)) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def debates(model: Any, number: int = 12) -> list[DebateRecord]:
    agents = {
        "debater_0": StrategyDebater(model, "Be brief.", sampling=Sampling(60, 0.8)),
        "debater_1": StrategyDebater(model, "Be bold.", sampling=Sampling(60, 0.8)),
        "judge_0": ModelJudge(model),
    }
    rules = DebateSettings(rounds=3)
    return play_all([DebateJob(str(n), question(n % 4), agents, n, rules) for n in range(number)])


def test_it_speaks_the_protocol() -> None:
    with serve(Settings(slots=2)) as server:
        status, reply = post(server.url, temperature=0)
        assert status == 200
        assert reply["choices"][0]["message"]["content"]
        assert post(server.url, temperature=0)[1] == {
            **reply,
            "usage": {**reply["usage"], "prompt_tokens_details": {"cached_tokens": 4}},
        }
        assert post(server.url, model="x")[0] == 404
        assert post(server.url, "/nothing")[0] == 404
        assert server.stand_in.counts["ok"] == 2
        assert server.stand_in.counts["bad"] == 1


def test_it_debates_judges_and_rewrites_strategies() -> None:
    with connected() as (model, _):
        for record in debates(model, 4):
            assert record.failure is None
            assert len(record.speeches) == 6
            assert record.outcome is not None
        messages = mutation_messages("Be brief.", "plain")
        (reply,) = answers(model, [ask()._replace(messages=messages)])
        assert parse_mutation(reply.text)
        assert isinstance(messages[0], Message)


def test_slots_are_kept_and_the_line_is_long() -> None:
    with connected(Settings(slots=4, seconds=0.005)) as (model, server):
        answers(model, [ask(seed=s) for s in range(60)])
        assert server.stand_in.counts["most_running"] == 4


def test_it_holds_two_thousand_requests_in_flight_in_little_memory() -> None:
    body = json.dumps(
        {"model": "tiny", "messages": [{"role": "user", "content": "x" * 20_000}]}
    ).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode()

    async def hold(server: ProcessServer, number: int) -> int:
        port = int(server.url.split(":")[2].split("/")[0])
        opened = []
        for _ in range(number):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head + body)
            opened.append(writer)
        for writer in opened:
            await writer.drain()
        for _ in range(6000):
            held = server.counts()["most_in_flight"]
            if held == number:
                break
            await asyncio.sleep(0.05)
        for writer in opened:
            writer.transport.abort()
        return held

    number = 2000 if resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 2500 else 500
    with serve_process(Settings(seconds=3600, keep_bodies=False)) as server:
        assert asyncio.run(hold(server, number)) == number
        status = Path(f"/proc/{server.pid}/status")
        if status.exists():
            peak = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
            assert int(peak.split()[1]) < 300_000  # kB


def test_faults_are_drawn_per_attempt() -> None:
    faults = Faults(too_many=0.2, error=0.2, reset=0.1, garbage=0.1, hang=0.1)
    drawn = [faults.draw(bytes([k]), n) for k in range(200) for n in range(5)]
    assert drawn == [faults.draw(bytes([k]), n) for k in range(200) for n in range(5)]
    for name, share in (("too_many", 200), ("error", 200), ("hang", 100), ("", 300)):
        assert 0.7 * share < drawn.count(name) < 1.3 * share


def test_a_client_that_leaves_frees_its_slot() -> None:
    with connected(Settings(slots=1)) as (model, server):
        server.stand_in.settings = Settings(slots=1, seconds=3600)
        model.submit([(1, ask())])
        wait_for(lambda: server.stand_in.counts["most_running"])
        model.close()
        server.stand_in.settings = Settings(slots=1)
        assert post(server.url)[0] == 200
        assert server.stand_in.counts["gone"] == 1
