"""Sets of whole numbers that are mostly runs."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Iterable, Iterator, Sequence, Tuple

Range = Tuple[int, int]
"""First and last, both in it."""


class Ranges:
    """A set of numbers, held as ranges that neither overlap nor touch, in order."""

    def __init__(self, ranges: Iterable[Sequence[int]] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in ranges:
            self.add(first, last)

    def __iter__(self) -> Iterator[Range]:
        return iter(list(zip(self._firsts, self._lasts)))

    def __bool__(self) -> bool:
        return bool(self._firsts)

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._firsts, number) - 1
        return at >= 0 and number <= self._lasts[at]

    @property
    def count(self) -> int:
        """How many numbers are in it."""
        return sum(self._lasts) - sum(self._firsts) + len(self._firsts)

    @property
    def last(self) -> int:
        """The largest number; 0 for an empty set."""
        return self._lasts[-1] if self._lasts else 0

    def add(self, first: int, last: int) -> None:
        """Put in every number from `first` to `last`; none where `last` is smaller."""
        if last < first:
            return
        begin = bisect_left(self._lasts, first - 1)
        end = bisect_right(self._firsts, last + 1)
        if begin < end:
            first, last = min(first, self._firsts[begin]), max(last, self._lasts[end - 1])
        self._firsts[begin:end] = [first]
        self._lasts[begin:end] = [last]

    def missing(self, first: int, last: int) -> Iterator[Range]:
        """The ranges of the numbers from `first` to `last` that are not in it."""
        for begin, end in self:
            if end < first:
                continue
            if begin > last:
                break
            if first < begin:
                yield first, begin - 1
            first = end + 1
        if first <= last:
            yield first, last

    def within(self, first: int, last: int) -> Iterator[Range]:
        """The ranges of the numbers from `first` to `last` that are in it."""
        for begin, end in self:
            if max(begin, first) <= min(end, last):
                yield max(begin, first), min(end, last)

    def copy(self) -> Ranges:
        """Another set of the same numbers."""
        return Ranges(self)

    def end_of_run(self, number: int) -> int:
        """The last of the run that goes on just behind `number`; `number` itself, where the next is not in the set."""
        at = bisect_right(self._firsts, number + 1) - 1
        return max(number, self._lasts[at]) if at >= 0 else number
