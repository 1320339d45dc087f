"""Agents that are asynchronous: an object with ``async def act(observation)`` takes any seat.

One event loop of the process, in a thread of its own, runs the calls of all agents at once. To the
scheduler an agent is one that thinks with a model, so that nobody waits for the slowest call of a
batch.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import cache, partial
from itertools import count
from queue import Empty, SimpleQueue
from typing import Any

from debate_env.agent import Observation, Place
from debate_env.errors import InputError
from debateqd.agents.base import Decision, Thought, Turn
from debateqd.agents.models.base import Message, Reply, Request, Sampling
from debateqd.agents.thinking import Seatable

_NO_SAMPLING = Sampling(max_tokens=1)


@cache
def _loop_of(process: int) -> asyncio.AbstractEventLoop:
    """Start the event loop of a process; a fork has no thread of its parent, and starts another."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop


async def _finish(call: Awaitable[Any]) -> Any:
    try:
        return await call
    except (Exception, asyncio.CancelledError):
        raise
    except BaseException as error:  # would end the loop of all other calls, or their debates
        raise RuntimeError(repr(error)) from error


def _begin(call: Awaitable[Any]) -> Future[Any]:
    return asyncio.run_coroutine_threadsafe(_finish(call), _loop_of(os.getpid()))


class _Calls:
    """The calls of one agent, as a chat model whose requests name calls that have begun."""

    name = fingerprint = "asynchronous agent"

    def __init__(self, act: Callable[[Observation, Place], Awaitable[Any]]) -> None:
        self._act = act
        self._names = count()
        self._calls: dict[str, Future[Any]] = {}
        self._done: SimpleQueue[tuple[int, Reply]] = SimpleQueue()

    def begin(self, observation: Observation, place: Place) -> str:
        """Begin a call; return its name."""
        name = str(next(self._names))
        self._calls[name] = _begin(self._act(observation, place))
        return name

    def result(self, name: str) -> Any:
        """Return what a call returned, or raise what it raised."""
        return self._calls.pop(name).result()

    def submit(self, tickets: Sequence[tuple[int, Request]]) -> None:
        """Hand tickets back when their calls are done."""
        for ticket, request in tickets:
            done = partial(self._hand_back, ticket)
            self._calls[request.messages[0].content].add_done_callback(done)

    def _hand_back(self, ticket: int, call: Future[Any]) -> None:
        self._done.put((ticket, Reply("")))

    def poll(self) -> list[tuple[int, Reply]]:
        """Return what is done; wait for the first."""
        return [self._done.get(), *self.poll_for(0)]

    def poll_for(self, seconds: float) -> list[tuple[int, Reply]]:
        """Return what is done; wait at most so long for the first."""
        found: list[tuple[int, Reply]] = []
        with suppress(Empty):
            while True:
                found.append(self._done.get(timeout=0 if found else seconds))
        return found

    def close(self) -> None:
        """Cancel the calls that nobody waits for any more."""
        for call in self._calls.values():
            call.cancel()
        self._calls, self._done = {}, SimpleQueue()


class AsyncAgent(Seatable):
    """An asynchronous agent in the seat of a debate; see :func:`from_async`.

    Attributes:
        model: Carries its calls; asks no chat model.
    """

    def __init__(self, agent: Any, name: str = "") -> None:
        if inspect.isclass(agent):
            raise InputError(f"{agent.__name__} is a class: give from_async an object of it")
        takes_place = hasattr(agent, "act_as")
        act = getattr(agent, "act_as" if takes_place else "act", agent)
        if not inspect.iscoroutinefunction(act) and not inspect.iscoroutinefunction(
            getattr(act, "__call__", None)  # noqa: B004  (an object may define it as coroutine)
        ):
            raise InputError(
                f"{type(agent).__name__} is not asynchronous: give it 'async def act(observation)',"
                " or use it without from_async"
            )
        self._agent = agent
        self.name = name or getattr(agent, "name", "") or getattr(agent, "__name__", "async agent")
        self.model = _Calls(act if takes_place else lambda observation, _: act(observation))

    def think(self, observation: Mapping[str, Any], turn: Turn) -> Thought[Decision]:
        """Wait for the agent's action."""
        call = self.model.begin(observation, Place(turn.episode_id, turn.seat))
        yield [Request((Message("user", call),), _NO_SAMPLING, turn.seed)]
        return Decision(self.model.result(call))

    def feedback(self, episode_id: str, reward: float, seat: str) -> None:
        """Hand a reward on to an agent that learns, and wait until it has taken it in."""
        if hasattr(self._agent, "feedback"):
            taken_in = self._agent.feedback(episode_id, reward, seat)
            if inspect.isawaitable(taken_in):
                _begin(taken_in).result()

    def __repr__(self) -> str:
        return f"AsyncAgent({self.name!r})"


def from_async(agent: Any, name: str = "") -> AsyncAgent:
    """Let an asynchronous agent take seats, in as many debates at once as the scheduler opens.

    Args:
        agent: An object with ``async def act(observation)``, which returns a speech or credences;
            or with ``async def act_as(observation, place)``, where it must tell episodes and seats
            apart; or a coroutine function of one observation. Its ``feedback`` is called as that of
            any agent, and may be asynchronous too.
        name: For reports.
    """
    return AsyncAgent(agent, name)
