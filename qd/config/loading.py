"""From preset, file and flags to a configuration, or to one line that says what is wrong.

Later layers override earlier ones key by key: defaults, preset or file, named flags, ``--set``.
Mappings whose keys are free, such as shares, are no exception; only one that ``--set`` gives in
braces is the whole of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from debate_env.errors import FieldError, InputError, nearest
from debate_env.questions.files import read_text
from debateqd.agents.models.options import shown
from debateqd.agents.yaml_text import dump_yaml, parse_yaml
from debateqd.qd.config.schema import OF_RUN, EvolutionConfig, RunConfig

Path_ = tuple[str, ...]
_PACKAGE = Path(__file__).resolve().parents[1]
_DEFAULTS = {"evolution": EvolutionConfig().model_dump(mode="json")}
"""Where mappings of free keys have defaults, which a layer may change one by one: shares."""
_UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument", "invalid_key")


class Layers:
    """Nested settings from several origins, and who set what."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self._origins: dict[Path_, str] = {}

    def merge(self, values: Mapping[str, Any], origin: str, whole: float = math.inf) -> None:
        """Override what is there, key by key.

        Mappings of free keys that are ``whole`` keys deep, or deeper, are replaced: what they do
        not name is gone, or 0 where it has a share by default.
        """
        self._merge(self.values, values, (), origin, whole)

    def _merge(
        self,
        into: dict[str, Any],
        values: Mapping[str, Any],
        path: Path_,
        origin: str,
        whole: float,
    ) -> None:
        for key, value in values.items():
            here = (*path, str(key))
            self._origins[here] = origin
            if isinstance(value, Mapping):
                replaced = len(here) >= whole and _is_free(here)
                below = None if replaced else into.get(key)
                into[key] = below = dict(below) if isinstance(below, Mapping) else {}
                self._merge(below, value, here, origin, whole)
                if replaced:
                    into[key] = dict.fromkeys(_default(here), 0.0) | below
            else:
                into[key] = value

    def origin(self, path: Path_) -> str:
        """Who set the value at ``path``, or the nearest one above it."""
        for end in range(len(path), 0, -1):
            if path[:end] in self._origins:
                return self._origins[path[:end]]
        return "configuration"

    def resolve(self) -> RunConfig:
        """Validate.

        Raises:
            InputError: A key that no configuration has, or a value of the wrong type or out of
                range; says which, and what is allowed.
        """
        try:
            return RunConfig.model_validate(self.values)
        except ValidationError as error:
            found = error.errors(include_url=False)
            # An unknown key explains a missing one.
            first = next((e for e in found if e["type"] in _UNKNOWN_KEY), found[0])
            raise InputError(self._explain(first)) from None

    def _explain(self, error: ErrorDetails) -> str:
        # Locations may end in the branch of a union ("int", "float"); those are no keys.
        path: Path_ = ()
        values: Any = self.values
        for part in error["loc"]:
            inside = isinstance(values, Mapping) and part in values
            if isinstance(part, int) and isinstance(values, Sequence) and part < len(values):
                inside = True
            if not inside:
                if error["type"] == "missing":
                    path = (*path, str(part))
                break
            path, values = (*path, str(part)), values[part]
        cause = error.get("ctx", {}).get("error")
        if isinstance(cause, FieldError):
            path, values = (*path, cause.field), values.get(cause.field)
        where = ".".join(path)
        if error["type"] == "missing":
            return f"{self.origin(path)}: {where}: this key is required here"
        if error["type"] in _UNKNOWN_KEY:
            known = nearest(path[-1], _fields(_annotation(path[:-1])))
            return f"{self.origin(path)}: {where}: unknown key; {known}"
        if error["type"] == "value_error" and isinstance(values, Mapping):
            return f"{self.origin(path)}: {where}: {_allowed(path, error)}"
        given = shown(where, values) if not isinstance(values, Mapping) else "a section"
        return f"{self.origin(path)}: {where}: {given} is not allowed; {_allowed(path, error)}"


def _is_free(path: Path_) -> bool:
    """Whether a mapping at ``path`` has keys of the user's choice, and is no section."""
    annotation = _annotation(path)
    return annotation is Any or get_origin(annotation) is dict


def _default(path: Path_) -> Iterable[str]:
    """Return the keys that a mapping of free keys has by default."""
    found: Any = _DEFAULTS
    for part in path:
        found = found.get(part, {})
    return list(found)


def _annotation(path: Path_) -> Any:
    """Return the type of what may stand at ``path``."""
    annotation: Any = RunConfig
    for part in path:
        if get_origin(annotation) is dict:
            annotation = get_args(annotation)[1]
        elif not part.isdigit():
            annotation = _fields(annotation).get(part, Any)
    return annotation


def _allowed(path: Path_, error: ErrorDetails) -> str:
    """Say what may stand at ``path``: its type and the range that was missed."""
    annotation = _annotation(path)
    wanted = describe_type(annotation)
    message = str(error["msg"])
    if error["type"].startswith(("greater", "less")):
        wanted += ", " + message.removeprefix("Input should be ")
    elif error["type"] == "string_type":
        wanted += ", in quotation marks where it looks like something else"
    elif error["type"] == "value_error":  # a check of our own, which says what is allowed
        cause = error["ctx"]["error"]
        return cause.allowed if isinstance(cause, FieldError) else str(cause)
    elif error["type"] == "string_pattern_mismatch":
        wanted = "letters, digits, '.', '_' and '-', beginning with a letter or digit"
    elif error["type"] == "literal_error" and get_origin(annotation) is Literal:
        return nearest(str(error["input"]), map(str, get_args(annotation)))
    return f"allowed: {wanted}"


def describe_type(annotation: Any) -> str:
    """Describe the values of a type in plain words."""
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        return " or ".join(describe_type(a) for a in get_args(annotation))
    if origin is Literal:
        return ", ".join(str(a) for a in get_args(annotation))
    if origin in (tuple, list):
        return f"a list, each item {describe_type(get_args(annotation)[0])}"
    if _is_section(annotation):
        return "a section with " + ", ".join(_fields(annotation))
    names = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
    return "null" if annotation is NoneType else names.get(annotation, "another value")


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and (
        issubclass(annotation, BaseModel) or is_dataclass(annotation)
    )


def _fields(annotation: Any) -> dict[str, Any]:
    """Keys of a section, also of one inside a list or a union, and the types of their values."""
    if not _is_section(annotation):
        return next(filter(None, map(_fields, get_args(annotation))), {})
    if issubclass(annotation, BaseModel):
        return {name: field.annotation for name, field in annotation.model_fields.items()}
    return {k: kind for k, kind in get_type_hints(annotation).items() if k not in OF_RUN}


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a configuration file.

    Raises:
        InputError: It is missing, not YAML, or not a section.
    """
    data = parse_yaml(read_text(path), str(path))
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise InputError(f"{path}: must hold 'key: value' lines, not {type(data).__name__}")
    return data


def preset_folders() -> Iterator[Path]:
    """Where presets are: ``configs/`` beside ``train.py``, or inside the installed package."""
    for folder in (_PACKAGE.parent / "configs", _PACKAGE / "presets"):
        if (folder / "default.yaml").is_file():
            yield folder


def preset_names() -> tuple[str, ...]:
    """Return the names of the presets."""
    return tuple(sorted({p.stem for folder in preset_folders() for p in folder.glob("*.yaml")}))


def find_config(source: str) -> Path:
    """Find a preset by its name, or a file by its path."""
    path = Path(source)
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        return path
    for folder in preset_folders():
        if (folder / f"{source}.yaml").is_file():
            return folder / f"{source}.yaml"
    if path.is_file():
        return path
    raise InputError(
        f"--config: no preset '{source}'; {nearest(source, preset_names())}; "
        "a file is given by its path, e.g. my.yaml"
    )


def parse_assignment(text: str) -> tuple[Path_, Any]:
    """Read ``a.b=value``; the value is YAML, so numbers and lists are what they look like."""
    name, equals, value = text.partition("=")
    path = tuple(name.strip().split("."))
    if not equals or not all(path):
        raise InputError(f"--set {text}: write it as --set section.key=value")
    try:
        return path, parse_yaml(value, f"--set {name}")
    except InputError:
        if shown(name, "") != "''":
            raise InputError(f"--set {name}: the value is not valid YAML") from None
        raise


def nest(path: Sequence[str], value: Any) -> dict[str, Any]:
    """Turn a key path of at least one key and a value into nested sections."""
    nested: dict[str, Any] = {path[-1]: value}
    for key in reversed(path[:-1]):
        nested = {key: nested}
    return nested


class Flag(NamedTuple):
    """A named command-line option.

    Attributes:
        option: How it is typed, e.g. ``"--rounds"``; named in errors.
        key: The key that it sets, e.g. ``"debate.rounds"``.
    """

    option: str
    key: str
    value: Any


def load_config(
    sources: str | Sequence[str] = "default",
    flags: Sequence[Flag] = (),
    assignments: Sequence[str] = (),
) -> RunConfig:
    """Resolve a configuration.

    Args:
        sources: Name of a preset, or path of a YAML file; later ones of several override earlier.
        flags: Named options.
        assignments: Texts of the form ``a.b=value``.

    Raises:
        InputError: Anything wrong in any layer, in one line that names the layer and the key.
    """
    layers = Layers()
    layers.merge(_DEFAULTS, "defaults")
    for source in [sources] if isinstance(sources, str) else sources:
        path = find_config(source)
        layers.merge(read_yaml(path), str(path))
    for flag in flags:
        layers.merge(nest(flag.key.split("."), flag.value), flag.option)
    for text in assignments:
        keys, value = parse_assignment(text)
        private = shown(text, text) != repr(text)
        origin = "--set " + (".".join(keys) if private else text)
        layers.merge(nest(keys, value), origin, whole=len(keys))
    return layers.resolve()


def override_config(config: RunConfig, flags: Sequence[Flag], origin: str) -> RunConfig:
    """Change some keys of a configuration that is resolved already.

    ``origin``, where the configuration comes from, is named in errors.
    """
    layers = Layers()
    layers.merge(config.to_json(), origin)
    for flag in flags:
        layers.merge(nest(flag.key.split("."), flag.value), flag.option)
    return layers.resolve()


def dump_config(config: RunConfig) -> str:
    """Return the text of ``config.yaml``; :func:`parse_config` is the inverse."""
    return dump_yaml(config.to_json())


def parse_config(path: Path) -> RunConfig:
    """Read ``config.yaml`` of a run directory.

    Raises:
        InputError: It is missing, no configuration, or lacks a key.
    """
    layers = Layers()
    layers.merge(values := read_yaml(path), str(path))
    if "version" not in values:
        raise InputError(f"{path}: has no version, so that it is no stored configuration")
    config = layers.resolve()
    # What is stored is complete: a default in place of a lost key would change the run in silence.
    if lost := _lost_key(config.to_json(), values):
        raise InputError(f"{path}: '{lost}' is missing, so that the file is damaged; restore it")
    return config


def _lost_key(complete: Mapping[str, Any], stored: Mapping[str, Any]) -> str:
    for key, value in complete.items():
        if key not in stored:
            return key
        if isinstance(value, Mapping) and isinstance(stored[key], Mapping):
            inner = _lost_key(value, stored[key])
            if inner:
                return f"{key}.{inner}"
    return ""
