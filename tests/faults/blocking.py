"""`python blocking.py inference|gate COMMAND ...`: affectd, whose model or gate blocks for ever once there is a file `block`.

The other threads live on, and one of them says so.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from daemon.__main__ import main
from daemon.gate import SpeechGate
from models.streaming import StreamModel

FLAG = Path(os.environ["RUNTIME_DIRECTORY"]) / "block"
WHAT = sys.argv[1]
_answer, _push = StreamModel.answer, SpeechGate.push


def block() -> None:
    """For ever, if told to. Who is started again finds no flag."""
    if FLAG.exists():
        FLAG.unlink()
        print(f"the {WHAT} blocks", file=sys.stderr, flush=True)
        threading.Thread(target=tell, daemon=True).start()
        threading.Event().wait()


def tell() -> None:
    while True:
        print("another thread is alive", file=sys.stderr, flush=True)
        time.sleep(0.5)


def answer(self: StreamModel, pieces: Any) -> Any:
    block()
    return _answer(self, pieces)


def push(self: SpeechGate, samples: Any) -> Any:
    block()
    return _push(self, samples)


if WHAT == "inference":
    StreamModel.answer = answer  # type: ignore[method-assign]
else:
    SpeechGate.push = push  # type: ignore[method-assign]
sys.exit(main(sys.argv[2:]))
