"""The thread that talks to the servers: sends what the queue chooses and settles what comes.

All state lives on the thread's event loop. Requests reach it as callbacks; replies leave it through
a queue, by the batch.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import SecretStr

from debateqd.agents.garbage import is_garbage
from debateqd.agents.models.base import Reply, Request, StoppedError, Usage
from debateqd.agents.models.openai.client import Endpoint
from debateqd.agents.models.openai.errors import Answer, Trouble, exhausted, from_garbage, scrub
from debateqd.agents.models.openai.queue import Job, Queue, Replica, Sent
from debateqd.agents.models.openai.wire import (
    Dialect,
    GarbageError,
    body_of,
    can_force,
    encode,
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
    "unknown_ends",
    "prompt_tokens",
    "cached_prompt_tokens",
    "completion_tokens",
    "thinking_tokens",
)
_LONG_PREFIX = 1500  # characters from which on a shared prefix is worth keeping together
_LOOK_EVERY = 0.25  # seconds between two looks for what takes too long
_TELL_AFTER, _TELL_AGAIN = 2.0, 30.0  # seconds of trouble until it is told, and told again, doubled
_CLOSE_SECONDS = 5.0

log = logging.getLogger(__name__)


@dataclass
class _Load:
    """What the worker needs to send a job and to settle it."""

    ticket: int
    request: Request
    sends: int = 0
    garbled: bool = False  # whether a reply that showed no choice was garbage
    showed_none: Usage | None = None  # of a first reply that showed no choice


class Worker:
    """Carries requests to servers and back, in a thread of its own."""

    def __init__(
        self, model: str, urls: Sequence[str], key: SecretStr, options: OpenAIOptions
    ) -> None:
        self.model = model
        self.options = options
        self.dialect = Dialect()
        self.counts: Counter[str] = Counter(dict.fromkeys(COUNTED, 0))
        self.endpoints: list[Endpoint] = []
        self.queue = Queue(urls, options)
        self._urls = urls
        self._key = key
        self._tasks: dict[Sent, asyncio.Task[None]] = {}
        self._done: queue.SimpleQueue[list[tuple[int, Reply]]] = queue.SimpleQueue()
        self._outbox: list[tuple[int, Reply]] = []
        self._unrecorded = 0  # replies that the caller has not come back from
        self._timer: asyncio.TimerHandle | None = None
        self._look: asyncio.TimerHandle | None = None
        # Of those in trouble: when to tell of it again, and how long after that.
        self._tell_at: dict[Replica, tuple[float, float]] = {}
        self._orders = 0
        # The caller's side.
        self._owed = self._handed = 0
        self._closed = False
        self._end: BaseException | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"openai:{model}", daemon=True)
        self._thread.start()
        self._ready.wait()
        self._check()

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
        """Hand in requests.

        Raises:
            RuntimeError: The worker is closed.
        """
        if self._closed:
            raise RuntimeError(f"model 'openai:{self.model}' is closed")
        self._owed += len(tickets)
        self._post(self._take_in, list(tickets), self._back())

    def collect(self, seconds: float | None) -> list[tuple[int, Reply]]:
        """Take replies; wait for one at most so long (``None``: for ever) while some are owed.

        Raises:
            StoppedError: There is no point in waiting; every reply that came was handed out.
            RuntimeError: The worker broke.
        """
        until = None if seconds is None else time.monotonic() + seconds
        if self._handed:
            self._post(self._recorded, self._back())
        found: list[tuple[int, Reply]] = []
        while self._owed and not found and not self._closed:
            left = 0.5 if until is None else min(0.5, until - time.monotonic())
            with contextlib.suppress(queue.Empty):
                found = self._done.get(timeout=left) if left > 0 else self._done.get_nowait()
            if not found:
                self._check()
            if left <= 0:
                break
        with contextlib.suppress(queue.Empty):
            while True:
                found += self._done.get_nowait()
        self._owed -= len(found)
        self._handed = len(found)
        return found

    def close(self) -> None:
        """End everything, also what is in flight; does nothing the second time."""
        if self._closed:
            return
        self._closed = True
        self._done.put([])
        self._post(self._stop.set)
        if threading.current_thread() is not self._thread:
            self._thread.join(_CLOSE_SECONDS)

    def _back(self) -> int:
        """The replies that were handed out last; the caller has come back, so they are recorded.

        A kill before that would have them paid for again, so they count as under way until then.
        """
        handed, self._handed = self._handed, 0
        return handed

    def _post(self, work: Callable[..., object], *arguments: Any) -> None:
        # The loop may have ended by itself; whoever waits for replies is told why.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._guard, work, *arguments)

    def _check(self) -> None:
        if isinstance(self._end, StoppedError):
            raise StoppedError(str(self._end))
        if self._end is not None:
            raise RuntimeError(f"the client of openai:{self.model} broke") from self._end

    # --- the thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:  # noqa: BLE001  (raised again where replies are waited for)
            self._ended(error)
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

    def _ended(self, error: BaseException) -> None:
        self._end = self._end or error
        self._done.put([])

    def _guard(self, work: Callable[..., object], *arguments: Any) -> None:
        """Run a callback; what it raises ends the worker and reaches the caller."""
        try:
            work(*arguments)
        except Exception as error:  # noqa: BLE001  (a mistake of ours must not go unnoticed)
            self._ended(error)
            self._stop.set()

    def _recorded(self, replies: int) -> None:
        self._unrecorded -= replies
        self._pump()

    def _take_in(self, batch: Sequence[tuple[int, Request]], recorded: int) -> None:
        for ticket, request in batch:
            kind = (request.sampling.max_tokens, request.choices is not None)
            self._orders += 1
            load = _Load(ticket, request)
            self.queue.add(Job(self._orders, shared_prefix(request), kind, load))
        self._recorded(recorded)

    def _pump(self) -> None:
        """Send whatever can be sent, and see to it that this is called again in time."""
        loop, line = self._loop, self.queue
        now = loop.time()
        most = self.options.max_concurrency * len(self.endpoints)
        while len(self._tasks) + self._unrecorded < most and (sent := line.next(now)) is not None:
            self._tasks[sent] = loop.create_task(self._attempt(sent))
        if line.stopped and not self._tasks:
            self._give_up()
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if line.waiting:
            wake = line.wake(now)
            if wake < float("inf"):
                self._timer = loop.call_at(wake, self._guard, self._pump)
        if self._look is None and (self._tasks or line.waiting):
            self._look = loop.call_later(_LOOK_EVERY, self._guard, self._look_after)

    def _give_up(self) -> None:
        said = "; ".join(f"{r.url}: {r.said}" for r in self.queue.replicas if r.said)
        self._ended(
            StoppedError(
                f"openai:{self.model}: {self.queue.stopped} ({said}); see to the server and go on: "
                "what was answered is kept"
            )
        )

    def _look_after(self) -> None:
        """Give up what takes too long, and tell of servers in trouble."""
        self._look = None
        now = self._loop.time()
        for sent in self.queue.overdue(now):
            if not sent.overdue:
                sent.overdue = True
                self._tasks[sent].cancel()
        for replica in self.queue.replicas:
            self._tell(replica, now)
        self._pump()

    def _tell(self, replica: Replica, now: float) -> None:
        """Say at once and then now and then that a server is in trouble, and that it is not."""
        where = f"openai:{self.model} at {replica.url}"
        pause = replica.paused_until - now
        bad = replica.away or now - replica.failing_since >= _TELL_AFTER or pause >= _TELL_AFTER
        tell_at, wait = self._tell_at.get(replica, (0.0, _TELL_AGAIN))
        if not bad:
            if self._tell_at.pop(replica, None):
                log.warning("%s: answers again", where)
        elif now >= tell_at:
            self._tell_at[replica] = (now + wait, 2 * wait)
            doing = f"waiting {pause:.0f} seconds" if pause > 0 else "trying again"
            most = self.options.patience
            log.warning("%s: %s; %s, for %g seconds at most", where, replica.said, doing, most)

    async def _attempt(self, sent: Sent) -> None:
        load: _Load = sent.job.load
        self.counts["requests"] += 1
        self.counts["retries"] += load.sends > 0
        load.sends += 1
        result: Answer | Trouble
        try:
            body = body_of(
                self.model,
                load.request,
                self.dialect,
                self.options.extra_body,
                forced=load.showed_none is not None,
            )
            endpoint = self.endpoints[sent.replica.index]
            result = await endpoint.chat(encode(body), sent.job.prefix)
        except asyncio.CancelledError:
            if not sent.overdue:
                raise
            limit = self.queue.time_limit(sent)
            result = Trouble("timeout", "timeout", f"no reply within {limit:.3g} seconds")
        except Exception as error:  # noqa: BLE001  (whatever a client may raise is an outcome)
            said = scrub(f"{type(error).__name__}: {error}", self._key.get_secret_value())
            result = Trouble("permanent", "engine_error", one_line(said))
        del self._tasks[sent]
        self._guard(self._settle, sent, result)
        self._guard(self._pump)

    # --- what came of it --------------------------------------------------------------------------

    def _settle(self, sent: Sent, result: Answer | Trouble) -> None:
        now, load = self._loop.time(), sent.job.load
        if isinstance(result, Answer):
            try:
                reading = read_reply(result.data, load.request, self.options.thinking_tags)
            except GarbageError as error:
                self._count(error.usage)
                why, code = str(error), error.code
            else:
                self._count(reading.usage)
                self.counts["unknown_ends"] += reading.unknown_end
                self.counts["cached_prompt_tokens"] += reading.cached
                if isinstance(reading.reply, Reply):
                    self.queue.good(sent, now, exhausted(result.headers, time.time()))
                    self._hand_over(sent.job, reading.reply)
                    return
                why, code = reading.reply, 0
            key = self._key.get_secret_value()
            result = from_garbage(why, code, result.headers, time.time(), key)
            self.counts["rejected"] += 1
        if self.queue.trouble(sent, result, now) is not None:
            return
        if result.fate == "filtered":
            self._deliver(load.ticket, Reply("", "refused"))
        else:
            self.counts["failed"] += 1
            failed = Reply("", "error", error=result.message, error_kind=result.kind)
            self._deliver(load.ticket, failed)

    def _hand_over(self, job: Job, reply: Reply) -> None:
        """Deliver a reply, unless it shows no choice and another, restricted to them, can."""
        load: _Load = job.load
        before = load.showed_none
        if before is not None:  # what restricting hid is not known
            usage = Usage(*(a + b for a, b in zip(before, reply.usage, strict=True)))
            reply = Reply(reply.text, reply.finish_reason, usage, reply.probabilities)
        elif (
            reply.probabilities is None
            and reply.finish_reason != "refused"
            and can_force(load.request, self.dialect)
        ):
            # A broken line, perhaps: then the very same request brings what was meant.
            if (not reply.text.strip() or is_garbage(reply.text)) and not load.garbled:
                load.garbled = True
                self.counts["rejected"] += 1
            else:
                load.showed_none, load.sends = reply.usage, 0
            self.queue.add(job)
            return
        self._deliver(load.ticket, reply)

    def _count(self, usage: Usage) -> None:
        for name, number in zip(Usage._fields, usage, strict=True):
            self.counts[name] += number

    def _deliver(self, ticket: int, reply: Reply) -> None:
        if not self._outbox:
            self._loop.call_soon(self._guard, self._flush)
        self._outbox.append((ticket, reply))
        self._unrecorded += 1

    def _flush(self) -> None:
        outbox, self._outbox = self._outbox, []
        self._done.put(outbox)


def shared_prefix(request: Request) -> str:
    """Name the text at the start of a request that others share; empty if it is too short to count.

    In this project that is the system message, which holds the passage.
    """
    first = request.messages[0].content if request.messages else ""
    if len(first) < _LONG_PREFIX:
        return ""
    return hashlib.blake2b(first.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
