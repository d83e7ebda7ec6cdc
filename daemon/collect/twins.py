"""Two cabins that go by one name: nothing else sends numbers of two boots by turns.

A restart begins a new `boot`, and its numbers go on behind those of the one before. A state folder that was lost begins them
anew, once. Two cabins of one name have rows of numbers of their own, which overlap and grow by turns.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from daemon.collect.row import Row

MOST_NODES = 200_000
TURNS = 3


@dataclass
class _Boot:
    name: str
    first_seq: int
    last_seq: int


class _Node:
    def __init__(self) -> None:
        self.boots: list[_Boot] = []
        """The two newest; the one that grew last is the last."""
        self.n_turns = 0

    def grow(self, row: Row) -> None:
        boot = next((each for each in self.boots if each.name == row.boot), None)
        if boot is None:
            self.boots = [*self.boots[-1:], _Boot(row.boot, row.seq, row.seq)]
            self.n_turns = 0
        elif row.seq > boot.last_seq:
            boot.last_seq = row.seq
            other = self.boots[0]
            if boot is other and len(self.boots) == 2:
                self.boots.reverse()
                self.n_turns += self.boots[0].first_seq <= row.seq
        else:
            boot.first_seq = min(boot.first_seq, row.seq)


class Twins:
    """Watches the names of all nodes, in bounded memory."""

    def __init__(self) -> None:
        self._nodes: OrderedDict[str, _Node] = OrderedDict()

    def seen(self, row: Row) -> tuple[str, str] | None:
        """A message came: the two boots, once it is certain that another cabin has this one's name."""
        node = self._nodes.setdefault(row.node, _Node())
        self._nodes.move_to_end(row.node)
        if len(self._nodes) > MOST_NODES:
            self._nodes.popitem(last=False)
        node.grow(row)
        if node.n_turns < TURNS:
            return None
        return node.boots[0].name, node.boots[1].name
