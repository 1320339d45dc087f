"""What becomes of a request that was sent, and how healthy the servers are.

No I/O and no clock: everything is an event with an explicit time in seconds, so that it can be
tested and simulated.

**Failures.** What may pass (429, 5xx, a broken connection, a time-out, garbage) is sent again,
``attempts`` times in all, after a wait that the server asked for or that doubles every time. What
cannot be reached is tried for ``patience`` seconds. A refused request waits as long as the server
says; the whole server is left alone for that long when refusals are frequent or nothing else is in
flight.

**Health.** A server that cannot be reached, or of whose last requests half failed, is left out for
a while, the longer the more often, and then tried with a single request.

**Time-outs.** A request is given up after the configured time, or, once 40 replies to requests of
its kind (same token limit) are known, after five times the slowest of them: never before 5 seconds,
and from its second time-out on twice as late every time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

from debateqd.agents.models.openai.errors import Trouble
from debateqd.agents.models.openai.queue import Queue
from debateqd.agents.models.openai.replicas import Job, Replica, Sent
from debateqd.agents.models.options import OpenAIOptions

_FIRST_WAIT, _LONGEST_WAIT = 0.25, 30.0  # seconds before a request is sent again, doubled
_GARBAGE_WAIT = 1.0
_KNOWN_KIND, _SLOWEST, _LEAST_TIMEOUT = 40, 5.0, 5.0  # replies, times the slowest, seconds
_LINGER = 0.25  # seconds that a passage counts as in flight after its last reply, at most


class Dispatcher(Queue):
    """The queue, and what happens to it when requests end. See the head of this module.

    Args:
        urls: Base URLs of the replicas.
        options: ``max_concurrency``, ``timeout``, ``attempts`` and ``patience`` are used.
        jitter: Draws from ``[0, 1)``, so that waits differ.
    """

    def __init__(
        self,
        urls: Sequence[str],
        options: OpenAIOptions,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        super().__init__(urls, options.max_concurrency)
        self._options = options
        self._jitter = jitter

    def good(self, sent: Sent, now: float, kept: bool | None, pause: float | None = None) -> None:
        """Take in a good reply.

        Args:
            sent: The request.
            now: The time.
            kept: Whether the shared prefix was still in the cache; ``None`` if not known.
            pause: Seconds until the server takes more, where its headers say that it does not now.
        """
        replica, group = sent.replica, sent.group
        latency = replica.window.good(sent.flight, now, sent.job.kind)
        replica.note_time(sent.job.kind, latency)
        if sent.since is not None and kept is not None:
            replica.passages.observe(kept, replica.busy, sent.since, now)
        if pause is not None:
            replica.pause(now + pause)
        self._leave(sent, now)
        if group is not self._any:
            group.read.add(replica.index)
            group.scout.pop(replica.index, None)
        self._answered(replica)

    def trouble(self, sent: Sent, trouble: Trouble, now: float) -> float | None:
        """Take in a failure.

        Returns:
            Seconds until the request waits to be sent again; ``None``: it is given up.
        """
        replica, job = sent.replica, sent.job
        frequent = False
        if trouble.fate == "refused":
            frequent = replica.window.refused(sent.flight, now)
        elif trouble.fate == "timeout":
            replica.window.timed_out(sent.flight, now)
        else:
            replica.window.lost()
        self._leave(sent, now)
        sent.group.scout.pop(replica.index, None)
        if trouble.fate == "permanent":
            self._answered(replica)
            return None
        if trouble.fate == "unreachable":
            return self._unreachable(sent, now)
        job.away_since = None
        job.attempts += 1
        wait = self._backoff(job.attempts)
        if trouble.fate == "refused":
            if frequent and trouble.wait is not None:
                replica.pause(now + trouble.wait)
            elif replica.window.in_flight == 0:
                replica.pause(now + wait)
        else:
            alone = trouble.fate == "timeout" and replica.window.overtaken(sent.flight)
            failing = not alone and replica.note_failure(sent.flight.number)
            if failing or replica.away_since is not None:
                self._rest(replica, now)
            job.avoid = replica.index
        if trouble.fate == "timeout":
            job.timeouts += 1
        if trouble.fate == "garbage":
            wait = min(wait, _GARBAGE_WAIT)  # no sign of a server that has too much to do
        first = job.attempts == 1 and trouble.fate in ("reset", "garbage")
        if first or trouble.fate == "timeout":
            wait = 0.0
        if trouble.wait is not None:
            wait = max(wait, trouble.wait)
        too_long = wait > max(self._options.patience, self._options.timeout, _LONGEST_WAIT)
        if job.attempts >= self._options.attempts or too_long:
            return None
        self.add(job, now + wait if wait > 0 else None)
        return wait

    def leave(self, sent: Sent, now: float) -> None:
        """Take a request out of flight that will not come back as it was."""
        sent.replica.window.lost()
        self._leave(sent, now)
        sent.group.scout.pop(sent.replica.index, None)

    def expire(self, now: float) -> list[Job]:
        """Take out what waits in vain, once no server could be reached for too long."""
        patience = self._options.patience
        for replica in self.replicas:
            if replica.away_since is None or now - replica.away_since < patience:
                return []
        return self.remove(lambda job: now - job.added >= min(_LEAST_TIMEOUT, patience))

    def overdue(self, now: float) -> Iterator[Sent]:
        """Yield what has been in flight for too long; give it up and report a time-out."""
        for sent in self.in_flight:
            if now - sent.flight.at > self.time_limit(sent):
                yield sent

    def time_limit(self, sent: Sent) -> float:
        """Seconds after which a request is given up; see the head of this module."""
        most = self._options.timeout
        count, slowest = sent.replica.times.get(sent.job.kind, (0, 0.0))
        limit = most if count < _KNOWN_KIND else max(_LEAST_TIMEOUT, _SLOWEST * slowest)
        return float(min(most, limit * 2 ** max(0, sent.job.timeouts - 1)))

    # --- health -----------------------------------------------------------------------------------

    def _leave(self, sent: Sent, now: float) -> None:
        self.in_flight.discard(sent)
        group, replica = sent.group, sent.replica
        if replica.trial is sent:
            replica.trial = None
        if group is self._any:
            return
        group.in_flight[replica.index] -= 1
        if not group.in_flight[replica.index]:
            replica.busy -= 1
            linger = min(_LINGER, replica.window.round_trip / 4)
            replica.active[group] = now + linger

    def _answered(self, replica: Replica) -> None:
        replica.rests = 0
        if replica.away_since is not None:
            replica.away_since = None
            self._rehome()

    def _unreachable(self, sent: Sent, now: float) -> float | None:
        replica, job = sent.replica, sent.job
        self._rest(replica, now)
        if any(r.away_since is None for r in self.replicas):
            job.avoid = replica.index
        else:
            job.away_since = now if job.away_since is None else job.away_since
            if now - job.away_since >= self._options.patience:
                return None
        self.add(job)
        return 0.0

    def _rest(self, replica: Replica, now: float) -> None:
        """Leave a server out for a while, and give its passages to others."""
        if replica.rest(now):
            self._rehome()

    def _backoff(self, attempts: int) -> float:
        wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (attempts - 1))
        return float(wait * (0.5 + 0.5 * self._jitter()))
