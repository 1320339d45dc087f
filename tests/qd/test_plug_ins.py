"""Parts of a user's own that are broken, in each way and for each Protocol."""

from __future__ import annotations

import subprocess
import sys

import pytest

from debateqd.qd.commands.group import load_command, run
from debateqd.qd.store.directory import RunDirectory
from tests.repository import ROOT

MINE = """\
class Rule:
    needs_posterior = False
    def __init__(self, config): pass
    def decide(self, challenger, incumbent, belief): return "yes"
    def deposed(self, former, successor, belief): return "reject"

class Raising(Rule):
    def decide(self, challenger, incumbent, belief):
        return self.nothing

class Words:
    name, units = "words_x", ("a", "b")
    def count(self, facts): return (1, 2)
    def value(self, strategy, counts): return 0.5

class Halves(Words):
    def count(self, facts): return (0.5, 1)

class Few(Words):
    def count(self, facts): return (1,)

class Listed(Words):
    def value(self, strategy, counts): return [1]

class Late(Words):
    def value(self, strategy, counts):
        raise LookupError("too\\nlate")

class View:
    def __init__(self, config, weight): pass
    def fit(self, *args, **options): return {}

class Operator:
    name, arity = "mine", 1
    def __init__(self, settings): pass
    def draft(self, task, seed): return "a text"

class Yielding(Operator):
    def draft(self, task, seed):
        yield from ()
        return "a text"

class Pairing:
    def __init__(self, config): pass
    def waves(self, players): return None
    def rounds(self, situation, seed): return [1]

class Rounds(Pairing):
    def rounds(self, situation, seed): yield 1

class Embedder:
    fingerprint = "x"
    def __init__(self, rest): pass
    def embed(self, texts): return [[1.0] for _ in texts]

class Model:
    name = fingerprint = "mine"
    def __init__(self, rest, **options): pass
    def submit(self, tickets): pass
    def poll(self): return ["a reply"]
    def close(self): pass

class Lost(Model):
    def poll(self): return None

def raises(*args, **options): raise KeyError("no such word")
def nothing(*args, **options): return None
three = 3

class Odd:
    name, units = "odd", 3
    def count(self, facts): return ()
    def value(self, strategy, counts): return float("nan")

class Unmeasured(Odd):
    units = ()

class Short:
    needs_posterior = False
    def __init__(self, *settings): pass
    def decide(self): return "accept"
    def deposed(self, *entries): return "reject"
    def fit(self, matches, players, generation): return {}
    waves = 3
    def rounds(self, situation, seed): return []
    name, arity = "short", 1
    def draft(self, task): return []
"""
BROKEN = {
    "raises.py": ("import nowhere_at_all\n", "No module named 'nowhere_at_all' (raises.py, line 1"),
    "ends.py": ("import sys\n\nsys.exit(3)\n", "SystemExit: 3 (ends.py, line 3"),
    "torn.py": ("x = 1\ndef f(:\n", "SyntaxError: invalid syntax (torn.py, line 2)"),
    "divides.py": ("def f():\n    1 / 0\nf()\n", "division by zero (divides.py, line 2, in f)"),
}
RULE, ROOF = "evolution.selection.rule", "evolution.parents.rule"
VIEW, EMBED = "evolution.tournament.rating", "evolution.mutation.embedder"
MODEL = "models.default"
BEFORE = [
    (RULE, "mine:raises", "mine.py, line 66, in raises"),
    *((key, "mine:three", "is a int, which cannot be called") for key in (RULE, ROOF, VIEW)),
    *((key, "mine:nowhere", "has no attribute 'nowhere'") for key in (RULE, ROOF, VIEW, EMBED)),
    *((key, "mine:nothing", "lacks") for key in (RULE, VIEW, MODEL)),
    *((key, "elsewhere_x:y", "looked for in the current folder") for key in (RULE, ROOF, VIEW)),
    *(
        (key, "mine:raises", "'mine:raises' cannot be made: KeyError")
        for key in (VIEW, EMBED, MODEL)
    ),
    (EMBED, "mine:nothing", "a NoneType is no embedder"),
    (EMBED, "mine:Embedder", "mine:Embedder.embed (mine.py, line 54) returned [[1.0]]; needed"),
    ("evolution.mutation.operators.mine:nothing", "1", "lacks name, arity, draft"),
    ("evolution.tournament.pairings.mine:nothing", "1", "lacks waves, rounds"),
    (
        *(RULE, "mine:Short"),
        "has decide(), which cannot be called as decide(challenger, incumbent, belief): too many",
    ),
    ("evolution.archive.axes", "[{name: 'mine:Odd', edges: [0, 1]}]", "that has units 3, which"),
    (VIEW, "mine:Short", "cannot be called as fit(matches, players, generation, living, start)"),
    ("evolution.tournament.pairings.mine:Short", "1", "has no method waves(players), but 3"),
    ("evolution.mutation.operators.mine:Short", "1", "cannot be called as draft(task, seed)"),
    ("debate.protocol", "mine:raises", "protocol 'mine:raises' cannot be had: function is no prot"),
    *((RULE, f"{name[:-3]}:x", said) for name, (_, said) in BROKEN.items()),
]


def axis(name: str) -> str:
    return f"[{{name: 'mine:{name}', edges: [0, 1]}}]"


AXES, OPERATORS = "evolution.archive.axes", "evolution.mutation.operators"
PAIRINGS = "evolution.tournament.pairings"
DURING = [
    (RULE, "mine:Rule", "mine:Rule.decide (mine.py, line 4) returned 'yes'; needed: 'accept' or"),
    (RULE, "mine:Raising", "has no attribute 'nothing' (mine.py, line 9, in decide)"),
    (AXES, axis("Halves"), "mine:Halves.count (mine.py, line 17) returned"),
    (AXES, axis("Few"), "(1,); needed: 2 whole numbers, of a, b"),
    (AXES, axis("Listed"), "Listed.value (mine.py, line 23) returned [1]"),
    (
        AXES,
        axis("Unmeasured"),
        "Unmeasured.value (mine.py, line 73) returned nan; needed: a f",
    ),
    (AXES, axis("Late"), "LookupError: too late (mine.py, line 27, in va"),
    (VIEW, "mine:View", "mine:View.fit (mine.py, line 31) returned {}; needed: Ratings"),
    (
        ROOF,
        "mine:nothing",
        "mine:nothing (mine.py, line 67) returned None; needed: a list of strat",
    ),
    (ROOF, "mine:raises", "KeyError: 'no such word' (mine.py, line 66, in raises)"),
    (OPERATORS, "{'mine:Operator': 1}", "mine:Operator.draft (mine.py, line 36) returned 'a text'"),
    (OPERATORS, "{'mine:Yielding': 1}", "returned 'a text'; needed: a Draft in the end"),
    (PAIRINGS, "{'mine:Pairing': 1}", "returned [1]; needed: an iterator of Round"),
    (PAIRINGS, "{'mine:Rounds': 1}", "mine:Rounds.rounds (mine.py, line 49) returned 1; needed"),
    (
        MODEL,
        "mine:Model",
        "mine:Model.poll (mine.py, line 60) returned ['a reply']; needed: a list",
    ),
    (MODEL, "mine:Lost", "returned None; needed: a list of pairs (ticket, Reply)"),
]


@pytest.fixture
def mine(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(MINE)
    for name, (text, _) in BROKEN.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    return tmp_path


def train(capsys, *assignments: str) -> tuple[int, str]:
    options = ["--config", "smoke", "--objective", "truth", "--run-dir", "run"]
    options += [*("--wandb", "disabled"), *("--questions", "synthetic:passages=20,words=60")]
    options += ["--set", "evolution.tournament.debates=20", "--set", "evolution.report.questions=2"]
    given = [part for assignment in assignments for part in ("--set", assignment)]
    status = run(load_command("train"), [*options, "--generations", "1", *given])
    return status, capsys.readouterr().err


@pytest.mark.parametrize(("key", "value", "said"), BEFORE)
def test_what_is_broken_from_the_start_leaves_nothing_behind(capsys, mine, key, value, said):
    status, shown = train(capsys, f"{key}={value}")
    assert status == 2
    assert said in shown
    assert shown.count("\n") == 1
    assert key.partition(".mine:")[0] in shown
    assert not (mine / "run").exists()


@pytest.mark.parametrize(("key", "value", "said"), DURING)
def test_what_breaks_in_a_run_is_named_and_the_run_can_go_on(capsys, mine, key, value, said):
    status, shown = train(capsys, f"{key}={value}")
    assert status == 1
    assert said in shown
    assert shown.count("\n") == 1
    assert "mend it and continue with: debateqd train --resume run" in shown


def test_a_part_that_was_mended_continues_what_was_finished(capsys, mine):
    status, _ = train(capsys, f"{ROOF}=mine:raises", "evolution.children=4")
    assert (status, RunDirectory.open("run").generations()) == (1, [0])
    from debateqd.qd.mutation.parents import random_elites

    sys.modules["mine"].raises = random_elites
    assert run(load_command("train"), ["--resume", "run", "--wandb", "disabled"]) == 0
    assert RunDirectory.open("run").generations() == [0, 1]


@pytest.mark.parametrize(
    "command",
    [
        ("-m", "debateqd", "train"),
        (str(ROOT / "train.py"),),
        ("-P", "-c", "from debateqd.qd.commands.launch import launch; launch('train')"),
    ],
    ids=["module", "script", "installed"],
)
def test_the_current_folder_is_looked_in_however_a_command_was_started(tmp_path, command):
    (tmp_path / "mine.py").write_text("def rule(config):\n    raise KeyError('found')\n")
    given = [*command, "--dry-run", "--set", "evolution.selection.rule=mine:rule"]
    done = subprocess.run(
        [sys.executable, *given], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "KeyError: 'found' (mine.py, line 2, in rule)" in done.stderr
