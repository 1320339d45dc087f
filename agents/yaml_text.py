"""YAML as people mean it: the core schema of YAML 1.2, without what can be read in two ways.

``1e-3`` is a number. Keys are text, each given once. What YAML 1.1 and 1.2, or programs and people,
read differently (``010``, ``0x10``, ``1_000``, ``12:30``, ``yes``, ``.inf``) is refused with the
right spelling.
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

from debate_env.errors import InputError

_TAG = "tag:yaml.org,2002:"
_NUMBER = r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
_DOUBTFUL = (
    r"[-+]?(?:0[0-9_]+|0[xob][0-9a-fA-F_]+|[0-9][0-9_]*_[0-9_.]*|[0-9]+(?::[0-9.]+)+|"
    r"\.(?:inf|Inf|INF|nan|NaN|NAN))|(?i:yes|no|on|off)"
)
_EXACT = 2**53  # a float holds every whole number up to this one
_WORDS = {"yes": "true", "on": "true", "no": "false", "off": "false"}


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {}  # noqa: RUF012 (as the class above has it)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping; each key is text, and there once."""
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _error(key, "a key must be text, not a list or a section")
            if key.value in seen:
                raise _error(key, f"key '{key.value}' is given twice")
            seen.add(key.value)
        self.flatten_mapping(node)
        return {key.value: self.construct_object(value, deep=True) for key, value in node.value}

    def construct_number(self, node: yaml.ScalarNode) -> int | float:
        """Build a number; a whole one is an integer unless it has a point."""
        value = float(node.value)
        if not math.isfinite(value):
            raise _error(node, f"{node.value} is too large for a number")
        if "." in node.value or value % 1:
            return value
        if abs(value) > _EXACT:
            raise _error(node, f"{node.value} is too large to be exact; write all of its digits")
        return int(value)

    def refuse(self, node: yaml.ScalarNode) -> None:
        """Refuse what can be read in two ways."""
        raise _error(node, f"{node.value} could mean several things; write {_spelling(node.value)}")


def _error(node: yaml.Node, problem: str) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


def _spelling(text: str) -> str:
    """Say how to write what a doubtful text may have meant."""
    quoted = f"'{text}' in quotation marks for the text"
    if text.lower() in _WORDS:
        return f"{_WORDS[text.lower()]}, or {quoted}"
    if ":" in text or "." in text[:2]:
        return f"a finite number, or {quoted}"
    base = 0 if text.lstrip("-+")[1:2] in "xob" else 10
    plain = text.replace("_", "")
    return f"{plain if '.' in plain else int(plain, base)}, or {quoted}"


for _name, _pattern in (
    ("null", r"~|null|Null|NULL|"),
    ("bool", r"true|True|TRUE|false|False|FALSE"),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)"),
    ("doubtful", _DOUBTFUL),
    ("float", _NUMBER),
    ("merge", "<<"),
):
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(rf"(?:{_pattern})\Z"), None)
_Loader.add_constructor(_TAG + "float", _Loader.construct_number)
_Loader.add_constructor(_TAG + "doubtful", _Loader.refuse)


class _Dumper(yaml.SafeDumper):
    """Quotes text that either version of YAML would read as something else."""


_Dumper.add_implicit_resolver(_TAG + "float", re.compile(rf"(?:{_NUMBER}|{_DOUBTFUL})\Z"), None)


def parse_yaml(text: str, where: str) -> Any:
    """Read a YAML document; ``where`` it comes from is named in errors.

    Raises:
        InputError: It is no YAML, or holds something that can be read in two ways.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 (a safe one)
    except RecursionError:
        raise InputError(f"{where}: is nested too deeply") from None
    except (ValueError, AttributeError) as error:  # of a type that is named by a tag
        raise InputError(f"{where}: not valid YAML: {error}") from None
    except yaml.YAMLError as error:
        mark, typed = getattr(error, "problem_mark", None), where.startswith("--")
        line = f", line {mark.line + 1}" if mark and not typed else ""
        problem = " ".join(str(getattr(error, "problem", None) or error).split())
        if not isinstance(error, yaml.constructor.ConstructorError):
            problem = "not valid YAML: " + problem
        elif typed and "'" in problem:
            problem += " (inside others, which the shell takes away)"
        raise InputError(f"{where}{line}: {problem}") from None


def dump_yaml(data: Any) -> str:
    """Return data as YAML that :func:`parse_yaml` reads back."""
    return yaml.dump(
        data,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        width=100,
    )
