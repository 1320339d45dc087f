"""Names in a configuration file become objects: built-in names, or ``"package.module:attribute"``.

The second form lets anyone plug a part of their own into a run without editing this repository.
"""

from __future__ import annotations

import importlib
from typing import Any, Generic, TypeVar, cast

from debate_env.errors import InputError, nearest

T = TypeVar("T")


class Registry(Generic[T]):
    """A closed set of named parts, open to parts named by their import path.

    Args:
        what: What the parts are, in the singular, for error messages; e.g. ``"descriptor"``.
    """

    __slots__ = ("_parts", "what")

    def __init__(self, what: str) -> None:
        self.what = what
        self._parts: dict[str, T] = {}

    def register(self, name: str, part: T) -> T:
        """Add a part under a name that is still free.

        Raises:
            ValueError: The name is taken, or holds a colon.
        """
        if name in self._parts:
            raise ValueError(f"{self.what} {name!r} is registered already")
        if not name or ":" in name:
            raise ValueError(f"{self.what} name {name!r} must be non-empty, without a colon")
        self._parts[name] = part
        return part

    def names(self) -> tuple[str, ...]:
        """Return the registered names in the order of registration."""
        return tuple(self._parts)

    def get(self, name: str) -> T:
        """Look a part up by its name, or import it where the name reads ``module:attribute``.

        Raises:
            InputError: Unknown name, or an import path that leads nowhere.
        """
        if name in self._parts:
            return self._parts[name]
        module, colon, attribute = name.partition(":")
        if not colon:
            raise InputError(
                f"unknown {self.what} {name!r}: {nearest(name, self._parts)}; "
                "or give your own as 'package.module:attribute'"
            )
        try:
            found: Any = importlib.import_module(module)
            for part in attribute.split("."):
                found = getattr(found, part)
        except (ImportError, AttributeError, ValueError) as error:
            raise InputError(f"{self.what} {name!r} cannot be imported: {error}") from error
        return cast("T", found)
