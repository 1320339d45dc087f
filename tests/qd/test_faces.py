"""The faces of the packages: what they list is there, and importing them costs little."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest

import debateqd.qd

WINGS = [m.name for m in pkgutil.iter_modules(debateqd.qd.__path__) if m.ispkg]


@pytest.mark.parametrize("wing", ["", *WINGS])
def test_a_face_offers_what_it_lists(wing):
    face = importlib.import_module(f"debateqd.qd.{wing}".rstrip("."))
    for name in getattr(face, "__all__", ()):
        assert getattr(face, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = face.no_such_name


LAZY = ("", ".debates", ".measures", ".selection", ".store", ".training")


@pytest.mark.parametrize("package", [f"debateqd.qd{wing}" for wing in LAZY])
def test_a_face_alone_imports_nothing_slow(package):
    code = f"import sys, {package}; print({{'numpy', 'pydantic', 'debate_env'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "set()\n"


def test_the_face_of_the_package_plays_and_evaluates_a_run(tmp_path):
    from debateqd.qd import RunDirectory, Strategy, evaluate_run, load_config, resume, train

    config = load_config("smoke", (), ["evolution.generations=0"])
    summary = train(config, tmp_path / "run")
    assert resume(tmp_path / "run") == summary
    run = RunDirectory.open(tmp_path / "run")
    assert all(isinstance(strategy, Strategy) for strategy in run.strategies().values())
    report, trials = evaluate_run(run, splits=("test",), elites=1)
    assert report["splits"]["test"]
    assert trials
