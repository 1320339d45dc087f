"""Parts that users plug in as ``package.module:attribute``; and whose fault a failure is."""

from __future__ import annotations

import inspect
import os
import sysconfig
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

from debate_env.errors import InputError, brief

_HOME = Path(__file__).resolve().parents[1]
_OURS = tuple(str(_HOME / name) + os.sep for name in ("debate_env", "debateqd", "agents", "qd"))
_OTHERS = tuple({sysconfig.get_path(kind) + os.sep for kind in ("stdlib", "purelib", "platlib")})


class PlugInError(InputError):
    """A part that a user plugged in failed, or is or gave something else than it must."""


def fault_of(error: BaseException) -> str:
    """Say in one line what was raised, and where in code that is neither ours nor a library's.

    Returns:
        Such as ``"ValueError: no words (mine.py, line 12, in count)"``; empty if nothing but our
        code, or a library's, was at work.
    """
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    if isinstance(error, SyntaxError):
        return reason
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith(("<", *_OURS, *_OTHERS)):
            place = f"{os.path.relpath(frame.filename)}, line {frame.lineno}, in {frame.name}"
            return f"{reason} ({place})"
    return ""


def import_part(what: str, name: str) -> Any:
    """Import ``package.module:attribute``; ``what`` it is to be is named in errors.

    Raises:
        PlugInError: There is no such module or attribute, or the module cannot be imported.
    """
    module, _, attribute = name.partition(":")
    try:
        found: Any = import_module(module)
    except (Exception, SystemExit) as error:
        reason = fault_of(error) or " ".join(str(error).split())
        if isinstance(error, ModuleNotFoundError) and not fault_of(error):
            reason += "; modules are looked for in the current folder and among what is installed"
        raise PlugInError(f"{what} {name!r} cannot be imported: {reason}") from error
    try:
        for part in attribute.split("."):
            found = getattr(found, part)
    except AttributeError as error:
        raise PlugInError(f"{what} {name!r} cannot be imported: {error}") from None
    return found


def make_part(what: str, name: str, factory: Any, *args: Any, **options: Any) -> Any:
    """Call what was imported.

    Raises:
        PlugInError: It cannot be called, or raises.
    """
    if not callable(factory):
        raise PlugInError(
            f"{what} {name!r} is a {type(factory).__name__}, which cannot be called; see "
            "docs/extending.md for what it has to be"
        )
    try:
        return factory(*args, **options)
    except InputError:
        raise
    except Exception as error:
        reason = fault_of(error) or " ".join(f"{type(error).__name__}: {error}".split())
        raise PlugInError(f"{what} {name!r} cannot be made: {reason}") from error


def misfit(made: object, contract: type) -> str:
    """Say why an object cannot serve as what a Protocol describes; empty where it seems to.

    It must have every member, and its methods must take the arguments that they will be given.
    """
    members = [name for name in vars(contract) if not name.startswith("_")]
    missing = [name for name in members if not hasattr(made, name)]
    if missing:
        return f"lacks {', '.join(missing)}"
    for name in members:
        method, given = vars(contract)[name], getattr(made, name)
        if not inspect.isfunction(method):
            continue
        wanted = list(inspect.signature(method).parameters.values())[1:]
        named = [p.name for p in wanted if p.kind is inspect.Parameter.KEYWORD_ONLY]
        shown = f"{name}({', '.join(p.name for p in wanted)})"
        try:
            signature = inspect.signature(given)
        except (TypeError, ValueError) as error:
            if not callable(given):
                return f"has no method {shown}, but {brief(given)}: {error}"
            continue  # of built-in code, which does not say what it takes
        try:
            signature.bind(*wanted[: len(wanted) - len(named)], **dict.fromkeys(named))
        except TypeError as error:
            return f"has {name}{signature}, which cannot be called as {shown}: {error}"
    return ""


def wrong_result(part: object, method: str, value: object, needed: str) -> PlugInError:
    """The error that a method of a part (``"__call__"`` of a function) returned something wrong."""
    kind = type(part) if method != "__call__" else part
    name = f"{kind.__module__}:{getattr(kind, '__qualname__', kind)}"
    code = getattr(getattr(kind, method, None) if method != "__call__" else part, "__code__", None)
    where = f" ({os.path.relpath(code.co_filename)}, line {code.co_firstlineno})" if code else ""
    call = "" if method == "__call__" else f".{method}"
    return PlugInError(f"{name}{call}{where} returned {brief(value)}; needed: {needed}")
