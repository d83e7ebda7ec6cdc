"""`python -m benchmarks NAME [--json FILE] [--plot PNG]`"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import Any

from benchmarks import (
    affectnet,
    archive,
    dashboard,
    delivery,
    device,
    endtoend,
    every,
    fft,
    fleet,
    frontend,
    gpu,
    newcomer,
    noise,
    not_speech,
    outbox,
    scaling,
    soak,
    startup,
    stream,
    streams,
    utterance,
    way,
)
from benchmarks.result import head, result

QUESTIONS: dict[str, Any] = {
    "stream": stream,
    "streams": streams,
    "endtoend": endtoend,
    "gpu": gpu,
    "device": device,
    "way": way,
    "frontend": frontend,
    "fft": fft,
    "newcomer": newcomer,
    "affectnet": affectnet,
    "noise": noise,
    "not_speech": not_speech,
    "scaling": scaling,
    "outbox": outbox,
    "delivery": delivery,
    "fleet": fleet,
    "dashboard": dashboard,
    "soak": soak,
    "startup": startup,
    "utterance": utterance,
    "archive": archive,
}
"""Each has `measure`; `table`, where a name and a value a line do not show what it found; `OPTIONS`, where it is told more."""


def main() -> int:
    """Run one benchmark: a table on stdout, the same as JSON if asked for."""
    about = "; ".join(f"{name}: {(module.__doc__ or '').splitlines()[0]}" for name, module in QUESTIONS.items())
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=about)
    parser.add_argument("name", choices=[*QUESTIONS, "all"])
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--plot", type=Path, metavar="PNG")
    parser.add_argument("--short", action="store_true", help="a minute instead of an hour: shows that it runs, measures little")
    more_of_all = {
        name: option for module in (*QUESTIONS.values(), every) for name, option in getattr(module, "OPTIONS", {}).items()
    }
    for name, option in more_of_all.items():
        parser.add_argument(f"--{name}", **option)
    options = parser.parse_args()
    # what it started, a broker and a service perhaps, is ended as after Ctrl-C
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if options.name == "all":
        return every.run(options.short, options.results, options.again, options.quick)
    question = QUESTIONS[options.name]
    more = {name: getattr(options, name) for name in getattr(question, "OPTIONS", {})}
    figures = question.measure(options.short, options.plot, **more)
    told = result(options.name, figures, options.short)
    print(head(told), end="\n\n")
    if hasattr(question, "table"):
        print(question.table(figures))
    else:
        print("\n".join(f"{name:32} {value}" for name, value in figures.items()))
    if options.json:
        options.json.write_text(json.dumps(told, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
