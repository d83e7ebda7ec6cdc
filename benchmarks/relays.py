"""TCP relays on loopback, all in one thread: links that can be parted as a network parts them, and a load balancer."""

from __future__ import annotations

import asyncio
import itertools
import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Coroutine, Sequence, Tuple

Address = Tuple[str, int]

CONNECT_S = 2.0
"""So long a target is tried before the next one is."""
READ_BYTES = 65536
START_S = 30.0


class Link:
    """From one address to the first of the targets that answers, another one of them each time.

    Parted, it passes nothing on and hangs up at nobody, as a network that is cut: who is at its ends waits.
    """

    def __init__(self, at: Address, targets: Sequence[Address]) -> None:
        self.at = at
        self._targets = targets
        self._turn = itertools.count()
        self._open = asyncio.Event()
        self._open.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.AbstractServer | None = None
        self.up_bytes = self.down_bytes = 0
        """What went to the targets, and what came from them."""

    async def listen(self) -> None:
        """From now on."""
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, *self.at, backlog=4096)

    async def close(self) -> None:
        """Nobody new is let in."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def part(self) -> None:
        """Nothing passes any more."""
        self._open.clear()

    async def join(self) -> None:
        """It passes again; connections that stood in it meanwhile are cut, as what they had sent has timed out long since."""
        for task in list(self._tasks):
            task.cancel()
        self._open.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        ends = [writer]
        try:
            await self._open.wait()
            reached = await self._reach()
            if reached is not None:
                ends.append(reached[1])
                ways = [self._pass(reader, reached[1], is_up=True), self._pass(reached[0], writer, is_up=False)]
                passing = [asyncio.ensure_future(way) for way in ways]
                try:
                    await asyncio.wait(passing, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for one in passing:
                        one.cancel()
            for end in ends:
                end.close()
        except asyncio.CancelledError:
            for end in ends:
                end.transport.abort()
        finally:
            self._tasks.discard(task)

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        first = next(self._turn)
        for number in range(len(self._targets)):
            target = self._targets[(first + number) % len(self._targets)]
            with suppress(OSError, asyncio.TimeoutError):
                return await asyncio.wait_for(asyncio.open_connection(*target), CONNECT_S)
        return None

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_up: bool) -> None:
        with suppress(OSError):
            while True:
                data = await reader.read(READ_BYTES)
                await self._open.wait()
                if not data:
                    return
                self.up_bytes += len(data) if is_up else 0
                self.down_bytes += 0 if is_up else len(data)
                writer.write(data)
                await writer.drain()


class Relays:
    """The thread that runs links. Use it as a context."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="relays", daemon=True)

    def __enter__(self) -> Relays:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._do(_cancel_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_S)

    def open(self, links: Sequence[Link]) -> None:
        """These listen."""
        for link in links:
            self._do(link.listen())

    def close(self, links: Sequence[Link]) -> None:
        """These listen no more; what is connected stays."""
        for link in links:
            self._do(link.close())

    def part(self, links: Sequence[Link]) -> None:
        """Cut these."""
        for link in links:
            self._do(link.part())

    def join(self, links: Sequence[Link]) -> None:
        """Mend these."""
        for link in links:
            self._do(link.join())

    def _do(self, work: Coroutine[Any, Any, Any]) -> None:
        done: Future[Any] = asyncio.run_coroutine_threadsafe(work, self._loop)
        done.result(START_S)


async def _cancel_all() -> None:
    """Of this loop, but for who asks."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
