"""What importing debate_env needs and does."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.repository import ROOT

BLOCKER = """
import importlib.abc, sys

ALLOWED = {"debate_env", "numpy", "gymnasium", "pettingzoo", "cloudpickle", "farama_notifications",
           "typing_extensions"}  # the last three are what gymnasium itself requires

class Block(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in ALLOWED and top not in sys.stdlib_module_names and not top.startswith("_"):
            raise ModuleNotFoundError(f"{name} is not installed here", name=name)

sys.meta_path.insert(0, Block())
"""

PLAY = """
import warnings
warnings.simplefilter("error")
import pettingzoo, gymnasium
import debate_env
from debate_env import Question, bench, debate_v1
from debate_env.core import render, solo

question = Question("q", "p", "A short passage.", "What?", ("this", "that"), 0)
env = pettingzoo.make("aec", "debateqd/debate-v1", questions=[question], rounds=1)
env.reset(seed=0)
for agent in env.agent_iter():
    *_, terminated, truncated, info = env.last()
    action = [1.0, 0.0] if agent == "judge_0" else "A speech."
    env.step(None if terminated or truncated else action)
one = gymnasium.make("debateqd/Debate-v1", questions=[question])
one.reset(seed=0)
debate_v1.env().reset(seed=0)
assert not [m for m in sys.modules if m.split(".")[0] in ("debateqd", "agents", "qd")]
assert not {"openai", "wandb", "pydantic", "yaml", "sklearn", "pygame"} & set(sys.modules)
from debate_env import testing
testing.run_check("api_test")
print("played")
"""


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_plays_with_nothing_but_numpy_gymnasium_and_pettingzoo():
    result = run(BLOCKER + PLAY)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "played\n"


def test_a_stranger_called_agents_is_left_alone(tmp_path):
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "__init__.py").write_text("raise SystemExit('imported a stranger')\n")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n" + PLAY
    result = run(code)
    assert result.returncode == 0, result.stderr


def test_importing_prints_nothing_and_registers_once():
    code = (
        "import warnings; warnings.simplefilter('error')\n"
        "import debate_env, importlib\n"
        "importlib.reload(debate_env)\n"
        "import gymnasium, pettingzoo\n"
        "assert 'debateqd/Debate-v1' in gymnasium.registry\n"
    )
    result = run(code)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
