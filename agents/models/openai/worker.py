"""The thread that talks to the servers: sends what the dispatcher chooses and settles what comes.

All state lives on the thread's event loop; the mailbox is where it meets the caller's thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from debateqd.agents.models.base import NO_USAGE, Reply, Request, Usage
from debateqd.agents.models.openai.dispatch import Dispatcher
from debateqd.agents.models.openai.endpoint import Endpoint
from debateqd.agents.models.openai.errors import Answer, Trouble, exhausted, from_status, scrub
from debateqd.agents.models.openai.keys import Secret
from debateqd.agents.models.openai.mailbox import Mailbox
from debateqd.agents.models.openai.replicas import Job, Sent, shared_prefix
from debateqd.agents.models.openai.wire import (
    Dialect,
    GarbageError,
    Reading,
    body_of,
    can_force,
    encode,
    joinable,
    read_reply,
)
from debateqd.agents.models.options import OpenAIOptions
from debateqd.agents.replies import one_line

T = TypeVar("T")

COUNTED = (
    "requests",
    "retries",
    "rejected",
    "failed",
    "prompt_tokens",
    "cached_prompt_tokens",
    "completion_tokens",
    "thinking_tokens",
)
_LOOK_EVERY = 0.25  # seconds between two looks for what takes too long
_SAME = 3  # times that a reply without chance may be the same garbage
_CLOSE_SECONDS = 5.0
_MOST_JOINED = 16
_GOLDEN = 0x9E3779B97F4A7C15


class _Load:
    """What the worker needs to send a job and to settle it."""

    def __init__(self, request: Request, tickets: list[int]) -> None:
        self.request = request
        self.tickets = tickets
        self.forced = False  # whether the reply is restricted, after one that showed no choice
        self.sends = 0
        self.said = ""  # the garbage that the model itself said last
        self.same = 0  # how often in a row it said just that
        self.redraws = 0  # other seeds tried because of it
        self.spent = NO_USAGE  # tokens of an earlier reply that is part of this one's price


class Worker:
    """Carries requests to servers and back, in a thread of its own."""

    def __init__(
        self, model: str, urls: Sequence[str], key: Secret, options: OpenAIOptions
    ) -> None:
        self.model = model
        self.options = options
        self.dialect = Dialect()
        self.counts: Counter[str] = Counter(dict.fromkeys(COUNTED, 0))
        self.endpoints: list[Endpoint] = []
        self.dispatcher = Dispatcher(urls, options)
        self._urls = urls
        self._key = key
        self._mailbox = Mailbox(f"openai:{model}", self._room_made)
        self._order = 0
        self._tasks: dict[Sent, asyncio.Task[None]] = {}
        self._outbox: list[tuple[int, Reply]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._look: asyncio.TimerHandle | None = None
        self._caching = [False] * len(urls)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"openai:{model}", daemon=True)
        self._thread.start()
        self._ready.wait()
        self._mailbox.check()

    # --- the caller's side ------------------------------------------------------------------------

    def call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine on the worker's loop and wait for it; Ctrl-C gets through."""
        future = asyncio.run_coroutine_threadsafe(work(), self._loop)
        try:
            while True:
                try:
                    return future.result(0.2)
                except TimeoutError:
                    if future.done():
                        raise
        finally:
            future.cancel()

    def submit(self, tickets: Sequence[tuple[int, Request]]) -> None:
        """Hand in requests."""
        if self._mailbox.hand_in(tickets):
            self._loop.call_soon_threadsafe(self._guard, self._take_in)

    def collect(self, seconds: float | None) -> list[tuple[int, Reply]]:
        """Take replies; wait for one at most so long (``None``: for ever) while some are owed."""
        return self._mailbox.collect(seconds)

    def close(self) -> None:
        """End everything, also what is in flight; does nothing the second time."""
        if not self._mailbox.close():
            return
        # The loop may have ended by itself, which is then no reason to complain.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._stop.set)
        if threading.current_thread() is not self._thread:
            self._thread.join(_CLOSE_SECONDS)

    # --- the thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:  # noqa: BLE001  (raised again where replies are waited for)
            self._mailbox.crash(error)
        finally:
            self._ready.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self.endpoints = [Endpoint(url, self._key) for url in self._urls]
        self._ready.set()
        try:
            await self._stop.wait()
        finally:
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for endpoint in self.endpoints:
                await endpoint.close()

    def _guard(self, work: Callable[[], None]) -> None:
        """Run a callback; what it raises ends the worker and reaches the caller."""
        try:
            work()
        except Exception as error:  # noqa: BLE001  (a mistake of ours must not go unnoticed)
            self._mailbox.crash(error)
            self._stop.set()

    def _take_in(self) -> None:
        batch = self._mailbox.take()
        now = self._loop.time()
        joined: dict[Request, _Load] = {}
        for ticket, request in batch:
            load = _Load(request, [ticket])
            if joinable(request, self.dialect):
                unseeded = request._replace(seed=0)
                alike = joined.get(unseeded)
                if alike is not None and len(alike.tickets) < _MOST_JOINED:
                    alike.tickets.append(ticket)
                    continue
                joined[unseeded] = load
            self._add(load, now)
        self._pump()

    def _add(self, load: _Load, now: float, attempts: int = 0) -> None:
        request = load.request
        kind = (request.sampling.max_tokens, request.choices is not None)
        job = Job(self._order, shared_prefix(request), kind, load, now)
        job.attempts = attempts
        self._order += 1
        self.dispatcher.add(job)

    def _pump(self) -> None:
        """Send whatever can be sent, and see to it that this is called again in time."""
        loop, dispatcher = self._loop, self.dispatcher
        now = loop.time()
        while self._has_room() and (sent := dispatcher.next(now)) is not None:
            task = loop.create_task(self._attempt(sent))
            self._tasks[sent] = task
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if dispatcher.waiting:
            wake = dispatcher.wake(now)
            if wake < float("inf"):
                self._timer = loop.call_at(wake, self._guard, self._pump)
        if self._look is None and (self._tasks or dispatcher.waiting):
            self._look = loop.call_later(_LOOK_EVERY, self._guard, self._look_after)

    def _has_room(self) -> bool:
        """Whether fewer requests are under way, or answered and not recorded, than may be."""
        most = self.options.max_concurrency * len(self.endpoints)
        open_here = len(self._tasks) + len(self._outbox)
        return open_here + self._mailbox.unrecorded(most - open_here) < most

    def _room_made(self) -> None:
        """Send what had to wait until replies were recorded; called on the caller's thread."""
        # The loop may have ended by itself; the mailbox says so then.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._guard, self._pump)

    def _look_after(self) -> None:
        """Give up what takes too long, and what waits for servers that are gone."""
        self._look = None
        now = self._loop.time()
        for sent in self.dispatcher.overdue(now):
            if not sent.overdue:
                sent.overdue = True
                self._tasks[sent].cancel()
        for job in self.dispatcher.expire(now):
            seconds = self.options.patience
            self._fail(
                job.load, "connection", f"no server answered properly for {seconds:g} seconds"
            )
        self._pump()

    async def _attempt(self, sent: Sent) -> None:
        load: _Load = sent.job.load
        request = load.request
        if load.redraws:
            seed = (request.seed + _GOLDEN * load.redraws) & 0x1FFFFFFFFFFFFF
            request = request._replace(seed=seed)
        self.counts["requests"] += 1
        self.counts["retries"] += load.sends > 0
        load.sends += 1
        result: Answer | Trouble
        try:
            body = body_of(
                self.model,
                request,
                self.dialect,
                self.options.extra_body,
                n=len(load.tickets),
                forced=load.forced,
            )
            result = await self.endpoints[sent.replica.index].chat(encode(body))
        except asyncio.CancelledError:
            if not sent.overdue:
                raise
            limit = self.dispatcher.time_limit(sent)
            result = Trouble("timeout", "timeout", f"no reply within {limit:.3g} seconds")
        except Exception as error:  # noqa: BLE001  (whatever a client may raise is an outcome)
            said = scrub(f"{type(error).__name__}: {error}", self._key.reveal())
            result = Trouble("permanent", "engine_error", one_line(said))
        del self._tasks[sent]
        self._guard(lambda: self._settle(sent, result))
        self._guard(self._pump)

    # --- what came of it --------------------------------------------------------------------------

    def _settle(self, sent: Sent, result: Answer | Trouble) -> None:
        now = self._loop.time()
        load: _Load = sent.job.load
        if isinstance(result, Trouble):
            self._troubled(sent, result, now)
            return
        tags = self.options.thinking_tags
        try:
            reading = read_reply(result.data, load.request, tags, len(load.tickets))
        except GarbageError as error:
            self._count(error.usage)
            self.counts["rejected"] += 1
            self._troubled(sent, self._garbage(error), now)
            return
        self._count(reading.usage)
        self.counts["cached_prompt_tokens"] += reading.cached or 0
        if len(load.tickets) == 1 and isinstance(reading.replies[0], str):
            self.counts["rejected"] += 1
            self._said_garbage(sent, reading.replies[0], result.data, now)
            return
        pause = exhausted(result.headers, time.time())
        self.dispatcher.good(sent, now, self._kept(sent, reading), pause)
        self._hand_over(sent, reading, now)

    def _hand_over(self, sent: Sent, reading: Reading, now: float) -> None:
        job, load = sent.job, sent.job.load
        for ticket, reply in zip(load.tickets, reading.replies, strict=True):
            if isinstance(reply, str):  # one of several replies to a joined request
                self.counts["rejected"] += 1
                alone = _Load(load.request, [ticket])
                alone.sends = 1
                if job.attempts + 1 >= self.options.attempts:
                    self._fail(alone, "bad_reply", reply)
                else:
                    self._add(alone, now, job.attempts + 1)
            elif (
                reply.probabilities is None
                and not load.forced
                and reply.finish_reason != "refused"
                and can_force(load.request, self.dialect)
            ):
                load.forced, load.spent, load.sends = True, reply.usage, 0
                self.dispatcher.add(job)
            else:
                self._deliver(ticket, _priced(reply, load))

    def _kept(self, sent: Sent, reading: Reading) -> bool | None:
        """Whether the passage was still cached, where the server's usage tells."""
        if reading.cached is None or not sent.job.prefix:
            return None
        index = sent.replica.index
        self._caching[index] = self._caching[index] or reading.cached > 0
        if not self._caching[index]:
            return None  # a server that never caches, or never says so
        total = sum(len(m.content) for m in sent.job.load.request.messages)
        share = len(sent.job.prefix) / max(1, total)
        return reading.cached >= 0.5 * share * reading.usage.prompt_tokens

    def _garbage(self, error: GarbageError) -> Trouble:
        message = scrub(str(error), self._key.reveal())
        if error.code:
            return from_status(error.code, {}, message.encode(), time.time(), self._key.reveal())
        return Trouble("garbage", "bad_reply", one_line(message))

    def _said_garbage(self, sent: Sent, why: str, data: bytes, now: float) -> None:
        """Ask again; in another way if the model itself, not the line, says garbage.

        A broken line gives different garbage every time, or none; a model that draws its reply by
        the same seed says the same again. Then a verdict is restricted to its choices, and a speech
        is drawn with the next seed, which derives from the last: runs on the same server stay the
        same.
        """
        load: _Load = sent.job.load
        said = data[data.find(b'"choices"') : data.find(b'"usage"')].decode("utf-8", "replace")
        load.same = load.same + 1 if said == load.said else 1
        load.said = said
        drawn = load.request.sampling.temperature > 0 and self.dialect.seeds == "honoured"
        if load.same >= 2 and not load.forced and can_force(load.request, self.dialect):
            load.forced, load.same = True, 0
        elif load.same >= 2 and drawn:
            load.redraws, load.same = load.redraws + 1, 0
        if load.same >= _SAME:
            self.dispatcher.good(sent, now, None)
            self._fail(load, "bad_reply", f"{why}, {_SAME} times the same")
        else:
            self._troubled(sent, Trouble("garbage", "bad_reply", why), now)

    def _troubled(self, sent: Sent, trouble: Trouble, now: float) -> None:
        load: _Load = sent.job.load
        if len(load.tickets) > 1 and trouble.fate in ("permanent", "garbage"):
            # Perhaps only joined requests fail: each goes on its own way.
            self.dispatcher.leave(sent, now)
            for ticket in load.tickets:
                alone = _Load(load.request, [ticket])
                alone.sends = 1
                self._add(alone, now, sent.job.attempts + 1)
        elif self.dispatcher.trouble(sent, trouble, now) is None:
            self._fail(load, trouble.kind, trouble.message)

    def _fail(self, load: _Load, kind: str, message: str) -> None:
        self.counts["failed"] += len(load.tickets)
        for ticket in load.tickets:
            self._deliver(ticket, Reply("", "error", load.spent, error=message, error_kind=kind))

    def _count(self, usage: Usage) -> None:
        for name, number in zip(Usage._fields, usage, strict=True):
            self.counts[name] += number

    def _deliver(self, ticket: int, reply: Reply) -> None:
        if not self._outbox:
            self._loop.call_soon(self._guard, self._flush)
        self._outbox.append((ticket, reply))

    def _flush(self) -> None:
        outbox, self._outbox = self._outbox, []
        self._mailbox.deliver(outbox)


def _priced(reply: Reply, load: _Load) -> Reply:
    """Add what an earlier reply to the same request cost, and forget what restricting hid."""
    if not load.forced:
        return reply
    return Reply(
        reply.text,
        reply.finish_reason,
        Usage(*(a + b for a, b in zip(load.spent, reply.usage, strict=True))),
        reply.probabilities,
        reply.error,
        reply.error_kind,
        None,
    )
