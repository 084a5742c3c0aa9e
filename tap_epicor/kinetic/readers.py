"""Who reads at once: a stream, or a range of one, each with one request under way at the most."""

from __future__ import annotations

import threading


class Readers:
    """Places for as many readers as there may be requests under way.

    Args:
        most: how many there are.
    """

    def __init__(self, most: int) -> None:
        self._free = most
        self._changed = threading.Condition()

    @property
    def free(self) -> int:
        """How many places are free."""
        return self._free

    def enter(self) -> None:
        """Take a place; wait until there is one."""
        with self._changed:
            self._changed.wait_for(lambda: self._free)
            self._free -= 1

    def enter_more(self, wanted: int) -> int:
        """Take as many places as are free, without waiting.

        Args:
            wanted: how many at the most.

        Returns:
            How many were taken.
        """
        with self._changed:
            taken = max(0, min(wanted, self._free))
            self._free -= taken
        return taken

    def leave(self, places: int = 1) -> None:
        """Give places back."""
        with self._changed:
            self._free += places
            self._changed.notify_all()
