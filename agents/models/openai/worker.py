"""The thread that talks to the servers: sends what the queue chooses and settles what comes.

All state lives on the event loop of that thread; what the caller does runs there, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from operator import add
from typing import Any, TypeVar

from pydantic import SecretStr

from debateqd.agents.garbage import is_garbage
from debateqd.agents.models.base import Reply, Request, StoppedError, Usage
from debateqd.agents.models.openai.client import Endpoint
from debateqd.agents.models.openai.errors import Answer, Trouble, from_garbage, scrub
from debateqd.agents.models.openai.queue import Job, Queue, Replica, Sent
from debateqd.agents.models.openai.wire import Dialect, body_of, encode, read_reply
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
_LOOK_EVERY = 0.25  # seconds between two looks at servers while there is work
_TELL_AFTER, _TELL_AGAIN = 2.0, 30.0  # seconds of trouble until it is told, and told again, doubled
_CLOSE_SECONDS = 5.0

log = logging.getLogger(__name__)


class Worker:
    """Carries requests to servers and back, in a thread of its own.

    Raises:
        InputError: See :class:`debateqd.agents.models.openai.client.Endpoint`.
    """

    def __init__(
        self, model: str, urls: Sequence[str], key: SecretStr, options: OpenAIOptions
    ) -> None:
        self.model = model
        self.options = options
        self.dialect = Dialect()
        self.counts: Counter[str] = Counter(dict.fromkeys(COUNTED, 0))
        self.endpoints: list[Endpoint] = []
        self.queue = Queue(urls, options)
        self._key = key
        self._tasks: dict[Sent, asyncio.Task[None]] = {}
        self._came: list[tuple[Sent, Answer | Trouble]] = []  # to be settled
        self._replies: list[tuple[int, Reply]] = []  # to be collected
        self._owed = self._handed = 0
        # Whether a server's trouble was told last; when to tell of it again, how long after that.
        self._told: dict[Replica, tuple[bool, float, float]] = {}
        self._orders = 0
        self._closed = False
        self._end: BaseException | None = None
        self._news, self._arrived = asyncio.Event(), asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=f"openai:{model}", daemon=True)
        self._thread.start()
        try:
            self.call(self._connect(urls))
        except BaseException:
            self.close()
            raise

    # --- the caller's side ------------------------------------------------------------------------

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the worker's loop and wait for it; Ctrl-C gets through.

        Raises:
            RuntimeError: The worker is closed.
        """
        if self._closed:
            work.close()
            raise RuntimeError(f"model 'openai:{self.model}' is closed")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
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
        self.call(self._take_in(tickets))

    def collect(self, seconds: float | None) -> list[tuple[int, Reply]]:
        """Take replies; wait for one at most so long (``None``: for ever) while some are owed.

        Raises:
            StoppedError: There is no point in waiting; every reply that came was handed out.
            RuntimeError: The worker broke.
        """
        return [] if self._closed else self.call(self._hand_out(seconds))

    def close(self) -> None:
        """End everything, also what is in flight; does nothing the second time."""
        if self._closed:
            return
        self._closed = True
        self._loop.call_soon_threadsafe(self._news.set)
        if threading.current_thread() is not self._thread:
            self._thread.join(_CLOSE_SECONDS)

    # --- the thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._main())

    async def _connect(self, urls: Sequence[str]) -> None:
        self.endpoints += [Endpoint(url, self._key) for url in urls]

    async def _take_in(self, tickets: Sequence[tuple[int, Request]]) -> None:
        for ticket, request in tickets:
            self._orders += 1
            self.queue.add(Job(self._orders, shared_prefix(request), (ticket, request)))
        self._owed += len(tickets)
        self._come_back()

    async def _hand_out(self, seconds: float | None) -> list[tuple[int, Reply]]:
        self._come_back()
        if self._owed and not self._replies and not self._end:
            self._arrived.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._arrived.wait()
        found, self._replies = self._replies, []
        self._owed -= len(found)
        self._handed = len(found)
        if self._end and not found:
            if isinstance(self._end, StoppedError):
                raise StoppedError(str(self._end))
            raise RuntimeError(f"the client of openai:{self.model} broke") from self._end
        return found

    def _come_back(self) -> None:
        """Take note that the caller has come back, so that what it was given last is recorded.

        A kill before that would have it paid for again, so it counts as under way until then.
        """
        self._handed = 0
        self._news.set()

    async def _main(self) -> None:
        while not self._closed:
            self._news.clear()
            seconds = None if self._end else self._turn()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._news.wait()
        self._arrived.set()
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        for endpoint in self.endpoints:
            await endpoint.close()

    def _turn(self) -> float | None:
        """Settle what came and send what can be sent; return the seconds until the next look."""
        now, line = self._loop.time(), self.queue
        try:
            came, self._came = self._came, []
            for sent, result in came:
                self._settle(sent, result, now)
            for replica in line.replicas:
                self._tell(replica, now)
            room = self.options.max_concurrency * len(self.endpoints)
            room -= len(self._tasks) + len(self._replies) + self._handed
            while room > 0 and (chosen := line.next(now)) is not None:
                self._tasks[chosen] = self._loop.create_task(self._attempt(chosen))
                room -= 1
        except Exception as error:  # noqa: BLE001  (raised again where replies are waited for)
            self._end, room = error, 0
        if line.stopped and not self._tasks:
            said = "; ".join(f"{r.url}: {r.said}" for r in line.replicas if r.said)
            self._end = self._end or StoppedError(
                f"openai:{self.model}: {line.stopped} ({said}); see to the server and go on: "
                "what was answered is kept"
            )
        if self._replies or self._end:
            self._arrived.set()
        if not self._tasks and not line.waiting:
            return None
        return min(_LOOK_EVERY, max(0.0, line.wake(now) - now)) if room > 0 else _LOOK_EVERY

    def _tell(self, replica: Replica, now: float) -> None:
        """Say at once and then now and then that a server is in trouble, and that it is not."""
        where = f"openai:{self.model} at {replica.url}"
        pause, failing = replica.paused_until - now, now - replica.failing_since
        told, tell_at, wait = self._told.get(replica, (False, 0.0, _TELL_AGAIN))
        if not replica.away and failing < 0 and pause <= 0:
            if told:
                log.warning("%s: answers again", where)
                self._told[replica] = (False, tell_at, wait)  # silent if it fails again at once
            elif now >= tell_at:
                self._told.pop(replica, None)
        elif now >= tell_at and (replica.away or max(pause, failing) >= _TELL_AFTER):
            self._told[replica] = (True, now + wait, 2 * wait)
            doing = f"waiting {pause:.0f} seconds" if pause > 0 else "trying again"
            most = self.options.patience
            log.warning("%s: %s; %s, for %g seconds at most", where, replica.said, doing, most)

    async def _attempt(self, sent: Sent) -> None:
        self.counts["requests"] += 1
        self.counts["retries"] += sent.job.sends > 0
        sent.job.sends += 1
        seconds = self.options.timeout
        result: Answer | Trouble
        try:
            request = sent.job.load[1]
            extra, forced = self.options.extra_body, sent.job.showed_none is not None
            body = body_of(self.model, request, self.dialect, extra, forced=forced)
            async with asyncio.timeout(seconds):
                endpoint = self.endpoints[sent.replica.index]
                result = await endpoint.chat(encode(body), sent.job.prefix)
        except TimeoutError:
            result = Trouble("timeout", "timeout", f"no reply within {seconds:.3g} seconds")
        except Exception as error:  # noqa: BLE001  (whatever a client may raise is an outcome)
            said = scrub(f"{type(error).__name__}: {error}", self._key.get_secret_value())
            result = Trouble("permanent", "engine_error", one_line(said))
        del self._tasks[sent]
        self._came.append((sent, result))
        self._news.set()

    def _settle(self, sent: Sent, result: Answer | Trouble, now: float) -> None:
        ticket, request = sent.job.load
        if isinstance(result, Answer):
            reading = read_reply(result.data, request, self.options.thinking_tags)
            self.counts.update(reading.usage._asdict())
            self.counts["cached_prompt_tokens"] += reading.cached
            self.counts["unknown_ends"] += reading.unknown_end
            if isinstance(reading.reply, Reply):
                self.queue.good(sent)
                self._hand_over(sent.job, reading.reply)
                return
            self.counts["rejected"] += 1
            key = self._key.get_secret_value()
            result = from_garbage(*reading.reply, result.headers, time.time(), key)
        if self.queue.trouble(sent, result, now) is not None:
            return
        if result.fate == "filtered":
            self._replies.append((ticket, Reply("", "refused")))
        else:
            self.counts["failed"] += 1
            failed = Reply("", "error", error=result.message, error_kind=result.kind)
            self._replies.append((ticket, failed))

    def _hand_over(self, job: Job, reply: Reply) -> None:
        """Hand a reply over; where it shows no choice, ask once more, restricted to the choices."""
        ticket, request = job.load
        if job.showed_none is not None:  # what restricting hid is not known
            usage = Usage(*map(add, job.showed_none, reply.usage))
            reply = Reply(reply.text, reply.finish_reason, usage, reply.probabilities)
        elif (
            self.dialect.masked
            and request.choices
            and reply.probabilities is None
            and reply.finish_reason != "refused"
        ):
            # A broken line, perhaps: then the very same request brings what was meant.
            broken = not reply.text.strip() or is_garbage(reply.text)
            if not broken or job.garbled:
                job.showed_none = reply.usage
            job.garbled, job.sends = broken, 0
            self.queue.add(job)
            return
        self._replies.append((ticket, reply))


def shared_prefix(request: Request) -> str:
    """Name the text at the start of a request that others share; empty if it is too short to count.

    In this project that is the system message, which holds the passage.
    """
    first = request.messages[0].content if request.messages else ""
    if len(first) < _LONG_PREFIX:
        return ""
    return hashlib.blake2b(first.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
