"""From one thread to the next: a few items wait, no more; the giver waits too, or the oldest item is dropped."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Handover(Generic[Item]):
    """A bounded queue of one giver and one taker that can be ended from both sides."""

    def __init__(self, capacity: int, *, newest_wins: bool = False) -> None:
        """With `newest_wins` giving never waits: a full queue loses its oldest item, which is counted."""
        self.dropped = 0
        self._capacity, self._newest_wins = capacity, newest_wins
        self._items: deque[Item] = deque()
        self._ended = False
        self._changed = threading.Condition()

    def put(self, item: Item) -> bool:
        """Give one item; False once it is ended, and then the item is gone."""
        with self._changed:
            while len(self._items) >= self._capacity and not self._ended:
                if self._newest_wins:
                    self._items.popleft()
                    self.dropped += 1
                else:
                    self._changed.wait()
            if not self._ended:
                self._items.append(item)
                self._changed.notify_all()
            return not self._ended

    def __iter__(self) -> Iterator[Item]:
        """Take items, waiting for each, until it is ended and empty."""
        return self.taken(None)

    def taken(self, every: float | None, meanwhile: Callable[[], None] | None = None) -> Iterator[Item]:
        """The same; `meanwhile` is called, without the lock, after each `every` seconds in which nothing came."""
        while True:
            with self._changed:
                came = self._changed.wait_for(lambda: bool(self._items) or self._ended, every)
                if came and not self._items:
                    return
                items = [self._items.popleft()] if came else []
                self._changed.notify_all()
            if not came and meanwhile is not None:
                meanwhile()
            yield from items

    def finish(self) -> None:
        """No more will be given; what waits can still be taken."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def cancel(self) -> None:
        """End at once: what waits is thrown away."""
        with self._changed:
            self._ended = True
            self._items.clear()
            self._changed.notify_all()
