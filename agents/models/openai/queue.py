"""What waits to be sent, and which of it goes to which server next. No I/O, no clock.

**Order.** Requests are sent in the order submitted, those that share a long prefix (a passage)
together. The first request on a passage that a server has not read goes 20 milliseconds ahead of
the others, so that they find it in the prefix cache; meanwhile the server gets other work. Where
its cache turned out to be small, debates on a passage are finished before another is begun.

**Replicas.** A passage belongs to the healthy server that rendezvous hashing gives it (Thaler and
Ravishankar 1998), so each server reads few of them. Short prompts go to whoever is least busy, and
so does a request that failed elsewhere. A server that has little to do takes a passage from one
that has too much.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable, Sequence

from debateqd.agents.models.openai.replicas import Group, Job, Replica, Sent, rank

_LEAD = 0.02  # seconds that the first request on a passage goes ahead
_SCOUTS = 4  # passages that begin like this at the same time, per server
_IDLE_GROUPS = 512  # passages that are remembered although nothing is asked about them


class Queue:
    """Requests that wait, by the prefix they share, and the servers they wait for.

    Args:
        urls: Base URLs of the servers.
        most: Most requests in flight per server.
    """

    def __init__(self, urls: Sequence[str], most: int) -> None:
        self.replicas = [Replica(i, url, most) for i, url in enumerate(urls)]
        self.in_flight: set[Sent] = set()
        self._groups: OrderedDict[str, Group] = OrderedDict()
        self._any = Group("", ())
        self._ready: list[tuple[int, int, Group]] = []
        self._delayed: list[tuple[float, int, Job]] = []
        self._pushed = 0
        self._held_until = float("inf")

    # --- what waits -------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Requests that wait to be sent."""
        return len(self._any.waiting) + len(self._delayed) + sum(r.waiting for r in self.replicas)

    def add(self, job: Job, due: float | None = None) -> None:
        """Take in a request, new or to be sent again: at once, or when it is due."""
        if due is not None:
            heapq.heappush(self._delayed, (due, job.order, job))
            return
        group = self._group(job)
        job.group = group
        heapq.heappush(group.waiting, (job.order, job))
        if group.home >= 0:
            self.replicas[group.home].waiting += 1
        if group.waiting[0][1] is job:
            self._push(group)

    def remove(self, unwanted: Callable[[Job], bool]) -> list[Job]:
        """Take out what is not wanted any more of all that waits."""
        groups = [self._any, *self._groups.values()]
        jobs = [job for _, _, job in self._delayed]
        jobs += [job for group in groups for _, job in group.waiting]
        gone = {job for job in jobs if unwanted(job)}
        self._delayed = [entry for entry in self._delayed if entry[2] not in gone]
        heapq.heapify(self._delayed)
        for group in groups:
            group.waiting = [entry for entry in group.waiting if entry[1] not in gone]
            heapq.heapify(group.waiting)
        self._ready.clear()
        if self._any.waiting:
            self._push(self._any)
        self._rehome()
        return sorted(gone, key=lambda job: job.order)

    def _group(self, job: Job) -> Group:
        if not job.prefix or (job.avoid >= 0 and len(self.replicas) > 1):
            return self._any
        group = self._groups.get(job.prefix)
        if group is None:
            ranking = rank(job.prefix, [r.url for r in self.replicas])
            group = self._groups[job.prefix] = Group(job.prefix, ranking)
            self._forget()
        else:
            self._groups.move_to_end(job.prefix)
        if not group.waiting:
            group.home = self._home(group)
        return group

    def _home(self, group: Group) -> int:
        healthy = [i for i in group.ranking if self.replicas[i].away_since is None]
        return (healthy or list(group.ranking))[0]

    def _forget(self) -> None:
        excess = len(self._groups) - _IDLE_GROUPS
        if excess > 0:
            idle = [
                g for g in self._groups.values() if not g.waiting and not any(g.in_flight.values())
            ]
            for group in idle[: 1 + excess // 2]:
                del self._groups[group.prefix]
                for replica in self.replicas:
                    replica.active.pop(group, None)

    def _push(self, group: Group) -> None:
        heap = self._ready if group.home < 0 else self.replicas[group.home].ready
        self._pushed += 1
        heapq.heappush(heap, (group.waiting[0][0], self._pushed, group))

    def _rehome(self) -> None:
        """Give waiting passages new homes after a server failed or came back."""
        for replica in self.replicas:
            replica.ready.clear()
            replica.waiting = 0
        for group in self._groups.values():
            if group.waiting:
                group.home = self._home(group)
                self.replicas[group.home].waiting += len(group.waiting)
                self._push(group)

    # --- what goes next ---------------------------------------------------------------------------

    def next(self, now: float) -> Sent | None:
        """Choose the next request to send and count it as sent.

        Returns:
            What to send and where; ``None`` where nothing can be sent now.
        """
        while self._delayed and self._delayed[0][0] <= now:
            self.add(heapq.heappop(self._delayed)[2])
        self._held_until = float("inf")
        if not self._any.waiting and not any(r.waiting for r in self.replicas):
            return None
        free = [replica for replica in self.replicas if replica.open(now)]
        if len(free) > 1:
            free.sort(key=lambda r: (r.load, r.index))
        for replica in free:
            group = self._choose(replica, now)
            if group is not None:
                return self._send(group, replica, now)
        return None

    def _choose(self, replica: Replica, now: float) -> Group | None:
        if replica.away_since is not None:
            return self._oldest()
        if replica.passages.limit < float("inf"):
            own = self._warmest(replica, now)
        else:
            own = self._top(replica.ready, replica, now)
        common = self._top(self._ready, replica, now)
        if (
            common is not None
            and common.waiting[0][1].avoid == replica.index
            and any(r is not replica and r.open(now) for r in self.replicas)
        ):
            common = None  # it failed here, and somebody else can take it
        if own is None or common is None:
            return own or common or self._spill(replica, now)
        return min(own, common, key=lambda g: g.first)

    def _top(
        self, heap: list[tuple[int, int, Group]], replica: Replica, now: float
    ) -> Group | None:
        """The group whose first request was submitted first; those that are held back aside."""
        held = []
        found = None
        while heap:
            order, _, group = heap[0]
            if not group.waiting or group.waiting[0][0] != order:
                heapq.heappop(heap)  # out of date: a newer entry was pushed
                continue
            if self._is_held(group, replica, now):
                held.append(heapq.heappop(heap))
                continue
            found = group
            break
        for entry in held:
            heapq.heappush(heap, entry)
        return found

    def _is_held(self, group: Group, replica: Replica, now: float) -> bool:
        """Whether a passage waits for its first request to get ahead, or for its turn to begin."""
        if replica.index in group.read:
            return False
        until = group.scout.get(replica.index)
        if until is None:
            scouts = replica.scouts
            while scouts and scouts[0] <= now:
                scouts.popleft()
            # Many passages are not begun at once just because their other requests have to wait.
            if len(scouts) < _SCOUTS or len(group.waiting) < 2:
                return False
            until = scouts[0]
        if now >= until:
            return False
        self._held_until = min(self._held_until, until)
        return True

    def _warmest(self, replica: Replica, now: float) -> Group | None:
        """The group to go on with where the number of passages is limited.

        First those in flight, then the one that was read last, so that debates on a passage are
        finished before another passage is begun.
        """
        active, index = replica.active, replica.index
        for group in [g for g, until in active.items() if until < now]:
            del active[group]
        # A server is never left idle for the sake of its cache.
        idle = replica.window.in_flight < max(4, replica.window.size // 4)
        full = len(active) >= replica.passages.limit and not idle
        if full:
            self._held_until = min([self._held_until, *active.values()])
        groups = {g for _, _, g in replica.ready if g.waiting and g.home == index}
        return min(
            (
                group
                for group in groups
                if (group in active or not full) and not self._is_held(group, replica, now)
            ),
            key=lambda g: (g not in active, -g.last_used(index) * (g not in active), g.first),
            default=None,
        )

    def _oldest(self) -> Group | None:
        """The group with the request that was submitted first, wherever it waits."""
        groups = [g for g in self._groups.values() if g.waiting]
        if self._any.waiting:
            groups.append(self._any)
        return min(groups, key=lambda g: g.first, default=None)

    def _spill(self, replica: Replica, now: float) -> Group | None:
        """Take from a server that has far more to do than this one."""
        if replica.window.in_flight > replica.window.size / 2:
            return None
        for other in self.replicas:
            if other is replica or other.open(now) or other.waiting < max(2, other.window.size / 2):
                continue
            groups = {g for _, _, g in other.ready if g.waiting and g.home == other.index}
            groups = {g for g in groups if not self._is_held(g, replica, now)}
            if groups:
                # What it has read already, else what the other will come to last.
                return max(groups, key=lambda g: (replica.index in g.read, g.first))
        return None

    def _send(self, group: Group, replica: Replica, now: float) -> Sent:
        job = heapq.heappop(group.waiting)[1]
        if group.home >= 0:
            self.replicas[group.home].waiting -= 1
        if group.waiting:
            self._push(group)
        index = replica.index
        sent = Sent(job, replica, replica.window.sent(now), group)
        self.in_flight.add(sent)
        replica.sent += 1
        if replica.away_since is not None:
            replica.trial = sent
        if group is self._any:
            return sent
        here = group.in_flight.get(index, 0)
        group.in_flight[index] = here + 1
        replica.busy += not here
        replica.active[group] = float("inf")
        if index not in group.read:
            if index not in group.scout and group.waiting:
                group.scout[index] = now + _LEAD
                replica.scouts.append(now + _LEAD)
        elif not here:
            # Only after a pause, in which other passages were read, do cached tokens tell anything.
            number, at = group.used[index]
            sent.since = at if replica.sent - number > 1 else None
        group.used[index] = (replica.sent, now)
        return sent

    def wake(self, now: float) -> float:
        """When :meth:`next` may have something although nothing has happened until then."""
        times = [self._held_until]
        if self._delayed:
            times.append(self._delayed[0][0])
        for replica in self.replicas:
            times += [t for t in (replica.paused_until, replica.rests_until) if t > now]
        return min(times)
