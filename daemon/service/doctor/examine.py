"""All checks: beside each other, each with its own patience, told in their order."""

from __future__ import annotations

import queue
import threading
import time
from pathlib import Path
from typing import Callable, Iterator, Mapping

from daemon import settings as settings_file
from daemon.errors import SettingsError
from daemon.service.doctor import broker, folders, hearing, inference, machine, software
from daemon.service.doctor.finding import Finding, fail, note
from daemon.service.doctor.place import Place, of_systemd

Check = Callable[[Place], Iterator[Finding]]
INSTALLED = Path("/etc/affectd/affectd.toml")
PATIENCE_S = 20.0
MORE_S = {"model": 240.0}
"""Where its kernels are not compiled yet, a small board takes minutes."""
CHECKS: Mapping[str, Check] = {
    "Python": software.python,
    "packages": software.packages,
    "built packages": software.built,
    "settings": broker.settings,
    "state folder": folders.state,
    "kernels": folders.kernels,
    "model": inference.model,
    "microphone": hearing.devices,
    "groups": hearing.groups,
    "broker": broker.broker,
    "clock": machine.clock,
    "service": machine.service,
    "jtop": software.jtop,
    "power": machine.power,
}
EXIT_CODES = {"packages": 2, "settings": 2, "state folder": 2, "model": 5, "microphone": 3, "broker": 4}
"""Of a check that never ends; the service can do without the others."""


def place(config: Path | None) -> Place:
    """This machine, with the settings of `config`, or those that are installed."""
    found = config or (INSTALLED if _is_there(INSTALLED) else None)
    try:
        read = settings_file.load(found) if found else None
    except SettingsError:
        read = None  # a check of its own says so
    return Place(found, read, of_systemd())


def _is_there(path: Path) -> bool:
    """Also where this user may not look."""
    try:
        path.stat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def examine(at: Place, checks: Mapping[str, Check] = CHECKS, patience_s: float = PATIENCE_S) -> Iterator[Finding]:
    """Each finding as soon as those before it are there. A check that hangs is left behind."""
    answers = {name: _begun(name, check, at) for name, check in checks.items()}
    began_s = time.monotonic()
    for name, answer in answers.items():
        most_s = MORE_S.get(name, patience_s)
        try:
            yield from answer.get(timeout=max(0.0, began_s + most_s - time.monotonic()))
        except queue.Empty:
            yield _failed(name, f"no answer within {most_s:g} s", "try again; what hangs is the fault")


def _begun(name: str, check: Check, at: Place) -> queue.Queue[list[Finding]]:
    answer: queue.Queue[list[Finding]] = queue.Queue()

    def work() -> None:
        try:
            answer.put(list(check(at)))
        except Exception as trouble:  # one check that breaks costs no other
            answer.put([_failed(name, f"the check itself broke: {type(trouble).__name__}: {trouble}", "report it")])

    threading.Thread(target=work, name=f"doctor-{name}", daemon=True).start()
    return answer


def _failed(name: str, says: str, do: str) -> Finding:
    code = EXIT_CODES.get(name, 0)
    return fail(name, says, do, code) if code else note(name, says, do)
