"""Where questions come from: sources, registered by name.

===================================  ==========================================================
specification                        questions
===================================  ==========================================================
``builtin``                          the passages written for this project
``synthetic[:name=value,...]``       generated: ``passages`` (200), ``words`` (400),
                                     ``difficulty`` (0.5), ``questions`` per passage (2), ``seed``
``quality:PATH[?name=value&...]``    QuALITY files; options in :mod:`debate_env.questions.quality`
a path                               a file of questions (JSON Lines, JSON, CSV, Parquet), also with
                                     ``.gz``; see :mod:`debate_env.questions.reading`
``NAME[:...]``                       a source added with :func:`register_source`, or by an
                                     installed package as entry point in
                                     ``debate_env.questions.sources``
===================================  ==========================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.metadata import entry_points

from debate_env.errors import InputError, nearest
from debate_env.options import number, parse_options, whole
from debate_env.plug_ins import import_part, make_part, wrong_result
from debate_env.questions.builtin import builtin_questions
from debate_env.questions.columns import Given
from debate_env.questions.files import exists
from debate_env.questions.formats import SUFFIXES, suffix_of
from debate_env.questions.quality import quality_source
from debate_env.questions.question import QuestionSet
from debate_env.questions.reading import load_file

Factory = Callable[[str], QuestionSet]
"""Makes a question set from what follows ``NAME:`` in the specification (empty without it)."""

ENTRY_POINTS = "debate_env.questions.sources"
# Two letters at least: a single one before a colon is a drive on Windows.
_NAMED = re.compile(r"([A-Za-z][\w-]+)(?::(.*))?", re.DOTALL)


def _builtin(rest: str) -> QuestionSet:
    if rest:
        raise InputError(f"source 'builtin' takes no options, got {rest!r}; write builtin")
    return builtin_questions()


def _synthetic(rest: str) -> QuestionSet:
    allowed = {
        "passages": whole(1),
        "words": whole(1),
        "difficulty": number(0, 1),
        "questions": whole(1),
        "seed": whole(0),
    }
    options = parse_options(rest, allowed, owner="source 'synthetic'")
    # Here, because generating is the only thing that needs the module.
    from debate_env.questions.synthetic import synthetic_questions

    per_passage = options.pop("questions", 2)
    defaults = {"passages": 200, "words": 400}
    return synthetic_questions(**{**defaults, **options}, questions_per_passage=per_passage)


_REGISTRY: dict[str, Factory] = {
    "builtin": _builtin,
    "synthetic": _synthetic,
    "quality": quality_source,
}


def source_names() -> list[str]:
    """Names of all sources, those of installed packages included."""
    return sorted({*_REGISTRY, *(entry.name for entry in entry_points(group=ENTRY_POINTS))})


def register_source(name: str, factory: Factory) -> None:
    """Add a source, reachable as ``NAME`` or ``NAME:...`` wherever questions are named.

    Args:
        name: Two or more letters, digits, ``_`` or ``-``, a letter first.
        factory: Called with what follows the colon.

    Raises:
        InputError: The name is not allowed or taken by another factory.
    """
    match = _NAMED.fullmatch(name)
    if match is None or match[2] is not None:
        raise InputError(
            f"source name {name!r}: must be two or more letters, digits, '_' or '-', a letter first"
        )
    if _REGISTRY.get(name, factory) is not factory:
        raise InputError(f"source name {name!r} is taken; choose another")
    _REGISTRY[name] = factory


def load_questions(spec: str, columns: Given | None = None) -> QuestionSet:
    """Load the questions that ``spec`` names; the module's documentation lists what it may be.

    Args:
        spec: A source or a file.
        columns: Of a file: which fields hold what, see :func:`~debate_env.questions.load_file`.

    Raises:
        InputError: Nothing goes by that name, or its content is wrong; then nothing is loaded.
    """
    match = _NAMED.fullmatch(spec)
    factory = _factory(match[1]) if match else None
    if factory is not None and match is not None:
        if columns:
            raise InputError(f"columns are named for files alone; {spec!r} is a source")
        made = make_part("source", match[1], factory, match[2] or "")
        if not isinstance(made, QuestionSet):
            raise wrong_result(factory, "__call__", made, "a QuestionSet")
        return made
    if suffix_of(spec) in SUFFIXES:
        return load_file(spec, columns)
    raise InputError(_unknown(spec, match[1] if match else spec))


def _factory(name: str) -> Factory | None:
    if name in _REGISTRY:
        return _REGISTRY[name]
    for entry in entry_points(group=ENTRY_POINTS, name=name):
        factory: Factory = import_part("source", entry.value)
        return factory
    return None


def _unknown(spec: str, name: str) -> str:
    paths = f"or a path ending in {', '.join(SUFFIXES)}, also with .gz"
    what = f"{spec}: unknown kind of file" if exists(spec) else f"unknown questions {spec!r}"
    return f"{what}; {nearest(name, source_names())}; {paths}"
