"""No module exists under two names, and every import is found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.repository import ROOT

EVERYTHING = """
import importlib, json, pkgutil, sys
import debate_env, debateqd, train, evaluate

for package in (debate_env, debateqd):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if found.name.endswith("__main__"):
            continue
        try:
            importlib.import_module(found.name)
        except ModuleNotFoundError as error:  # of an extra that is not installed
            assert error.name.split(".")[0] not in ("debate_env", "debateqd"), error
files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
print(json.dumps({name: file for name, file in files.items() if file}))
"""
OURS = ("debate_env", "debateqd", "agents", "qd", "train.py", "evaluate.py")
# What only extras bring.
OPTIONAL = {
    "gepa",
    "model2vec",
    "ribs",
    "safetensors",
    "tokenizers",
    "torch",
    "transformers",
    "vllm",
}


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_module_has_two_names():
    done = python(EVERYTHING)
    assert done.returncode == 0, done.stderr
    names: dict[Path, list[str]] = {}
    for name, file in json.loads(done.stdout).items():
        path = Path(file).resolve()
        if path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in OURS:
            names.setdefault(path, []).append(name)
    assert len(names) > 200
    assert {path: found for path, found in names.items() if len(found) > 1} == {}
    tops = {name.split(".")[0] for found in names.values() for name in found}
    assert tops == {"debate_env", "debateqd", "train", "evaluate"}


@pytest.mark.parametrize("name", ["agents", "qd"])
def test_a_folder_is_no_module_of_its_own(name: str):
    done = python(f"import {name}")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last == f"ImportError: import debateqd.{name}, not {name}"
    assert python(f"import {name}.base").returncode == 1


@pytest.mark.long
def test_an_editor_finds_every_import():
    pytest.importorskip("basedpyright", reason="the extra 'dev' is not installed")
    command = [sys.executable, "-m", "basedpyright", "--outputjson", "--pythonpath", sys.executable]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] > 400, "it left out folders behind links"
    missing = [(found["message"], found["file"]) for found in report["generalDiagnostics"]]
    assert [
        (text, file) for text, file in missing if text.split('"')[1].split(".")[0] not in OPTIONAL
    ] == []
