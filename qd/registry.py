"""Names in a configuration file become objects: built-in names, or ``"package.module:attribute"``.

The second form lets anyone plug a part of their own into a run without editing this repository.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar, cast

from debate_env.errors import InputError, nearest
from debate_env.plug_ins import PlugInError, import_part, make_part, misfit

T = TypeVar("T")


class Registry(Generic[T]):
    """A closed set of named parts, open to parts named by their import path.

    Args:
        what: What the parts are, in the singular, for error messages; e.g. ``"descriptor"``.
        contract: The Protocol of the things that parts make, where parts are factories.
    """

    __slots__ = ("_parts", "contract", "what")

    def __init__(self, what: str, contract: type = object) -> None:
        self.what = what
        self.contract = contract
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
            InputError: Unknown name, or an import path that leads nowhere or to what fails.
        """
        if name in self._parts:
            return self._parts[name]
        if ":" not in name:
            raise InputError(
                f"unknown {self.what} {name!r}: {nearest(name, self._parts)}; "
                "or give your own as 'package.module:attribute'"
            )
        return cast("T", import_part(self.what, name))

    def make(self, name: str, *args: Any) -> Any:
        """Have the factory of this name make its thing.

        Raises:
            InputError: As for :meth:`get`, or it cannot be made, or is not what it must be.
        """
        factory: Any = self.get(name)
        if name in self._parts:
            return factory(*args)
        made = make_part(self.what, name, factory, *args)
        flaw = misfit(made, self.contract)
        if flaw:
            raise PlugInError(
                f"{self.what} {name!r}: what it made ({type(made).__name__}) {flaw}; see "
                "docs/extending.md for what it has to be"
            )
        return made
