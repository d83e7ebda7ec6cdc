"""How soon the page is painted, what it costs while one watches, and whether a day of messages leaves memory behind."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, Iterator

import numpy as np
import soundfile

from benchmarks.spread import spread
from daemon.demo import RECORDING
from daemon.demo.broker import PrivateBroker, free_port

EMPTY = "/nowhere"
"""A page of one sentence: what the browser and the machine take for any."""
PAGES = (EMPTY, "/", "/analyse", "/models", "/results", "/results/paper-1")
SEATS = ("driver", "passenger")
TICKS_A_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGESIZE")
HOUR_S = 3600
START_S = 60.0
PICTURE = {"width": 1280, "height": 900}

DAY = f"""
import json, sys
from daemon.dashboard.board import Board
rss = lambda: int(open("/proc/self/statm").read().split()[1]) * {PAGE_BYTES} / 1e6
board, found = Board("here"), []
for second in range(int(sys.argv[1]) * {HOUR_S}):
    for seat in {SEATS}:
        body = dict(label="anger", probabilities=dict(anger=0.5, fear=0.3, neutral=0.2), speaking=True, level_dbfs=-second % 90)
        board.take(f"affectd/car/{{seat}}/state", json.dumps(body).encode(), False, 1000 * second)
    if second % 10 == 0:
        body = dict(phase="end" if second % 20 else "new", id=f"id{{second // 20}}", label="anger", duration_s=3.0)
        board.take("affectd/car/driver/episode", json.dumps(body).encode(), False, 1000 * second)
    if second % {HOUR_S} == {HOUR_S - 1}:
        board.since(0)
        found.append(rss())
print(json.dumps(found))
"""
"""The memory after each hour, in MB: two seats that say a state each second, an episode every ten."""


def measure(short: bool, plot: Path | None) -> dict[str, Any]:
    """The real service, broker, page and browser; draws the live page if asked to."""
    from benchmarks.browser import chromium

    with tempfile.TemporaryDirectory() as folder, _world(Path(folder)) as (address, pid), chromium() as browser:
        figures = _painted(browser, address, 1 if short else 30)
        figures.update(_watched(browser, address, pid, 2.0 if short else 120.0, plot))
    figures.update(_day(2 if short else 24))
    return figures


@contextlib.contextmanager
def _world(folder: Path) -> Iterator[tuple[str, int]]:
    """The page's address, and the number of its process; two seats speak."""
    samples, rate_hz = soundfile.read(RECORDING, dtype="int16")
    speech = folder / "speech.wav"
    soundfile.write(speech, np.tile(samples, 60), rate_hz)
    with PrivateBroker() as broker, contextlib.ExitStack() as running:
        port = free_port()
        seats = "".join(f'[[source]]\nname = "{seat}"\nrecording = "{speech}"\n' for seat in SEATS)
        settings = folder / "affectd.toml"
        head = f'[node]\nname = "car"\nstate = "{folder}"\n[broker]\nport = {broker.port}\n[dashboard]\nport = {port}\n'
        settings.write_text(head + seats)
        children = [running.enter_context(_affectd(command, settings)) for command in ("run", "dashboard")]
        address = f"http://127.0.0.1:{port}"
        _await(address)
        yield address, children[1].pid


@contextlib.contextmanager
def _affectd(command: str, settings: Path) -> Iterator[subprocess.Popen[bytes]]:
    arguments = [sys.executable, "-m", "daemon", command, "--config", str(settings)]
    child = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield child
    finally:
        child.terminate()
        child.wait()


def _await(address: str) -> None:
    until_s = time.monotonic() + START_S
    while time.monotonic() < until_s:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(address).close()
            return
        time.sleep(0.05)
    raise SystemExit(f"the page does not answer at {address}")


def _painted(browser: Any, address: str, n_times: int) -> dict[str, Any]:
    """From the request to the first text on the screen, each time in a browser that has nothing of the page yet."""
    found: dict[str, list[float]] = {page: [] for page in PAGES}
    for page in PAGES * (n_times + 1):
        context = browser.new_context(viewport=PICTURE)
        window = context.new_page()
        window.goto(address + page)
        painted = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
        while (at_ms := window.evaluate(painted)) is None:
            window.wait_for_timeout(5)
        found[page].append(at_ms)
        context.close()
    # the first time the server renders, and the browser begins
    kept = {page: np.array(values[1:]) for page, values in found.items()}
    return {
        f"first_paint_ms {page}": {
            **spread(values, 1),
            "more_than_an_empty_page": round(float(np.median(values - kept[EMPTY])), 1),
        }
        for page, values in kept.items()
    }


def _watched(browser: Any, address: str, pid: int, seconds: float, plot: Path | None) -> dict[str, Any]:
    """Per cent of a core, while nobody watches and while one page does; memory before and after."""
    alone = _percent_of_a_core([pid], seconds)
    before_mb = _rss_mb(pid)
    window = browser.new_page(viewport=PICTURE)
    window.goto(address)
    window.get_by_text("s of speech").first.wait_for()
    watched = _percent_of_a_core([pid], seconds)
    drawn = _percent_of_a_core(_below(os.getpid(), "chrom"), seconds)
    if plot is not None:
        window.screenshot(path=str(plot))
    return {
        "server_percent_of_a_core_nobody_watches": alone,
        "server_percent_of_a_core_one_page": watched,
        "browser_percent_of_a_core_drawn_without_gpu": drawn,
        "server_rss_mb_before": before_mb,
        "server_rss_mb_after": _rss_mb(pid),
    }


def _day(hours: int) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", DAY, str(hours)], check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    return {
        "board_hours": hours,
        "board_rss_mb_after_an_hour": round(found[0], 2),
        "board_rss_mb_at_the_end": round(found[-1], 2),
        "board_rss_mb_most": round(max(found), 2),
    }


def _percent_of_a_core(pids: list[int], seconds: float) -> float:
    before, began_s = _used_s(pids), time.monotonic()
    time.sleep(seconds)
    return round(100.0 * (_used_s(pids) - before) / (time.monotonic() - began_s), 2)


def _used_s(pids: list[int]) -> float:
    used = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            used += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]))
    return used / TICKS_A_S


def _rss_mb(pid: int) -> float:
    return round(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES / 1e6, 1)


def _below(ancestor: int, name: str) -> list[int]:
    """Descendants whose program is called so."""
    parents, programs = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            head, tail = folder.joinpath("stat").read_text().rsplit(")", 1)
            parents[int(folder.name)], programs[int(folder.name)] = int(tail.split()[1]), head
    found = {ancestor}
    while True:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        if not more:
            return sorted(pid for pid in found if name in programs.get(pid, ""))
        found |= more
