"""How many requests one server may have in flight. No I/O, no clock.

Servers queue by themselves, so the number starts as high as it may be. Where one refuses more, it
halves, and grows by a tenth per round trip while nothing is refused: additive increase and
multiplicative decrease (Chiu and Jain 1989), as networks share a line. A lone refusal among good
replies is chance, no limit, and changes nothing.
"""

from __future__ import annotations

_LATELY = 16  # replies over which refusals are averaged
_FREQUENT = 0.25  # share of refusals that means a limit
_RARE = 0.02  # share below which more may be tried
_GROWTH = 0.1  # of the number, per round trip


class Window:
    """The requests that one server may have in flight.

    Args:
        most: Never more than this.

    Attributes:
        in_flight: Requests in flight now.
        sent: Requests sent so far; the number of the last one.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = float(most)
        self._refusals = 0.0  # share of them among the last replies
        self._cut = 0  # number of the last request that was sent before the last cut
        self.in_flight = 0
        self.sent = 0

    @property
    def size(self) -> int:
        """How many requests may be in flight."""
        return int(self._size)

    @property
    def room(self) -> int:
        """How many more may be sent now."""
        return self.size - self.in_flight

    def send(self) -> int:
        """Count a request that is being sent; return its number."""
        self.in_flight += 1
        self.sent += 1
        return self.sent

    def end(self) -> None:
        """Count one that ended in a way that says nothing of a limit."""
        self.in_flight -= 1

    def good(self) -> None:
        """Count a good reply."""
        full = self.room <= 0
        self.in_flight -= 1
        self._refusals -= self._refusals / _LATELY
        if full and self._refusals < _RARE:
            self._size = min(self._most, self._size + max(1.0, _GROWTH * self._size) / self._size)

    def refused(self, number: int) -> bool:
        """Count a request that the server refused because it has too many.

        Returns:
            Whether refusals are frequent, or nothing else is in flight.
        """
        held = self.in_flight
        self.in_flight -= 1
        self._refusals += (1 - self._refusals) / _LATELY
        frequent = self._refusals > _FREQUENT
        if frequent and number > self._cut:  # one cut per round trip
            self._size = max(1.0, min(self._size, held) / 2)
            self._cut = self.sent
        return frequent or not self.in_flight
