"""A process of the logger's that reads jtop, and prints each reading as a line of JSON. The only file that loads jtop.

jtop's client may hang for ever in a service that has stalled, and cannot be told to stop. A process can: the logger kills it,
and begins another. It ends with the logger.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any, Mapping


def main(interval_s: float) -> int:
    """Until jtop ends or stalls; why is the last line."""
    threading.Thread(target=_end_with_the_logger, name="logger", daemon=True).start()
    try:
        # AGPL-3.0: in this process alone
        from jtop import jtop
    except ImportError as trouble:
        return _complain(f"jetson-stats cannot be loaded: {trouble}")
    try:
        with jtop(interval_s) as board:
            _follow(board)
    except Exception as trouble:
        # it raises what its sockets raise as well as errors of its own
        return _complain(str(trouble) or type(trouble).__name__)
    return _complain("jtop has stalled")


def _follow(board: Any) -> None:
    """`ok` waits for data; it is false when none come for three intervals. But old ones may come again, and come first."""
    newest = board.uptime
    while board.ok():
        uptime = board.uptime
        if uptime != newest:
            newest = uptime
            _tell(_seen(board))


def _seen(board: Any) -> Mapping[str, Any]:
    """What of jtop's data is made use of, in its own words and units."""
    return {
        "every_s": board.interval,
        "power": board.power,
        "temperature": board.temperature,
        "cpu": [{"online": core.get("online"), "freq": core.get("freq")} for core in board.cpu.get("cpu", [])],
        "gpu": {name: gpu.get("freq") for name, gpu in board.gpu.items()},
        "emc": board.memory.get("EMC"),
        "mode": _mode(board),
    }


def _mode(board: Any) -> str:
    try:
        return str(board.nvpmodel) if board.nvpmodel is not None else ""
    except (KeyError, TypeError):
        # nvpmodel did not answer the service
        return ""


def _end_with_the_logger() -> None:
    """Its end of our input closes, even when it is killed."""
    sys.stdin.read()
    os._exit(0)


def _tell(what: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(what, default=str) + "\n")
    sys.stdout.flush()


def _complain(why: str) -> int:
    _tell({"trouble": " ".join(why.split())})
    return 1


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
