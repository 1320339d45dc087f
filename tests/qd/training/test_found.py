"""What is found out about a server when a run begins is written down, and never asked again."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path

import pytest
import yaml

from debate_env.errors import InputError
from debateqd.qd.config.loading import Flag, dump_config, override_config, parse_config
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.models import equip, make_models, note_found, with_found
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.tracking.run_log import RunLog
from debateqd.qd.training.start import resume, train
from tests.qd.running import evaluate
from tests.qd.training.test_start import contents
from tests.servers import Dialect, Settings, ThreadServer, serve


def config(url: str, generations: int = 1, **models: object) -> RunConfig:
    return RunConfig.model_validate(
        {
            "debate": {"rounds": 1, "word_limit": 40},
            "models": {"default": "openai:tiny", "openai": {"base_urls": [url]}, **models},
            "evolution": {
                "generations": generations,
                "children": 2,
                "tournament": {"debates": 16, "waves": 1},
                "report": {"questions": 1},
            },
        }
    )


def probes(server: ThreadServer) -> int:
    """Requests that ask what a server can do; forgets them."""
    log = list(server.stand_in.log)
    server.stand_in.log.clear()
    return sum("hello" in seen.body["messages"][-1]["content"] for seen in log)


def test_a_run_asks_once_and_so_does_every_later_command(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    with serve(Settings(dialect=Dialect(owner="vllm"))) as server:
        train(config(server.url), run_dir)
        assert probes(server) > 0
        (entry,) = yaml.safe_load((run_dir / "config.yaml").read_text())["models"]["found"]
        assert entry["model"] == "openai:tiny"
        assert entry["roles"] == ["debater", "judge", "mutator"]
        assert (entry["server"], entry["logprobs"], entry["seeds"]) == ("vllm", 20, "honoured")
        assert entry["neutral"]["top_k"] == 0
        kept = RunDirectory.open(run_dir).config
        # Whatever has become of the server meanwhile, the run goes on in the words it began with.
        server.stand_in.settings = dataclasses.replace(
            server.stand_in.settings, dialect=Dialect(seed="ignored", json_schema="refused")
        )
        resume(run_dir, config=config(server.url, 2))
        assert evaluate([str(run_dir), "--elites", "1", "--archive-questions", "0"]) == 0
        log = [seen.body for seen in server.stand_in.log]
        assert probes(server) == 0
        assert all(body["top_k"] == 0 for body in log)
        assert any("seed" in body for body in log)
        assert RunDirectory.open(run_dir).config.models.found == kept.models.found


def test_a_run_that_was_interrupted_ends_the_same(tmp_path: Path) -> None:
    with serve() as server:
        train(config(server.url, 2), tmp_path / "whole")
        train(config(server.url, 1), tmp_path / "parts")
        flag = Flag("--generations", "evolution.generations", 2)
        stored = RunDirectory.open(tmp_path / "parts").config
        resume(tmp_path / "parts", config=override_config(stored, [flag], "config.yaml"))
    whole, parts = contents(tmp_path / "whole"), contents(tmp_path / "parts")
    assert whole.keys() == parts.keys()
    for name in ("config.yaml", "matches.jsonl", "strategies.jsonl", "archive.json"):
        assert whole[name] == parts[name]


def test_another_run_from_its_configuration_asks_for_itself(tmp_path: Path) -> None:
    with serve() as server:
        train(config(server.url), tmp_path / "run")
        probes(server)
        train(parse_config(tmp_path / "run" / "config.yaml"), tmp_path / "other")
        assert probes(server) > 0


def test_roles_on_several_servers_are_told_apart(tmp_path: Path) -> None:
    with serve() as first, serve(Settings(dialect=Dialect(logprobs="refused"))) as second:
        own = {"judge": {"base_urls": [second.url]}}
        asked = config(first.url, mutator="embedded", overrides=own)
        models = make_models(asked)
        known = note_found(asked, models)
        models.close()
        path = tmp_path / "config.yaml"
        path.write_text(dump_config(known))
        assert parse_config(path) == known
        probes(first), probes(second)
        again = make_models(known)
        assert [again.debater.found["logprobs"], again.judge.found["logprobs"]] == [20, 0]
        assert note_found(known, again) == known
        again.close()
        assert probes(first) + probes(second) == 0
        # A role that plays with another model has nothing to go by.
        flag = Flag("--judge-model", "models.judge", "openai:other")
        with pytest.raises(InputError, match="no model 'other'"):
            make_models(override_config(known, [flag], "config.yaml"))


def test_nothing_is_written_where_nothing_was_asked() -> None:
    plain = RunConfig.model_validate({})
    assert "found" not in plain.to_json()["models"]
    models = make_models(plain)
    assert note_found(plain, models) == plain
    models.close()


def test_what_was_found_is_checked() -> None:
    found = [{"model": "openai:tiny", "roles": ["debater", "judge", "mutator"], "logprobs": "many"}]
    with pytest.raises(
        InputError, match="what was found of its server cannot have logprobs 'many'"
    ):
        make_models(with_found(config("http://127.0.0.1:9/v1"), found))


def test_what_asking_cost_counts_once(tmp_path: Path) -> None:
    with serve() as server:
        asked = config(server.url)
        asked = asked.model_copy(update={"budget": dataclasses.replace(asked.budget, calls=3)})
        bare = make_models(asked)
        cost = Counter(server.stand_in.counts)["requests"]
        models = equip(bare, asked, tmp_path / "journal.sqlite")
        assert models.budget.spent()["openai:tiny"]["requests"] == cost > 3
        assert models.delivery()["openai:tiny"]["requests"] == 0
        models.close()

        log = RunLog()
        train(config(server.url), tmp_path / "run", listeners=[log])
        lines = (tmp_path / "run" / "telemetry.jsonl").read_text().splitlines()
        events = [json.loads(line) for line in lines]
        delivered = [e["delivery"]["openai:tiny"] for e in events if e["event"] == "generation"]
        sent = server.stand_in.counts["requests"] - cost
        assert sum(counts["requests"] for counts in delivered) == sent
        assert all(counts["prompt_tokens"] > 0 for counts in delivered)
