"""What is said to a service manager, over its own kind of socket."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import pytest

from daemon.errors import SettingsError
from daemon.service import notify
from daemon.service.notify import Notifier
from tests.daemon.service.manager import Manager


def test_without_a_manager_nothing_is_said() -> None:
    notifier = notify.from_environment({})
    notifier.ready()
    notifier.status("listening")
    assert notifier.watchdog_s is None


def test_messages_arrive_as_sd_notify_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Manager(tmp_path) as manager:
        monkeypatch.setenv("NOTIFY_SOCKET", manager.environment["NOTIFY_SOCKET"])
        notifier = notify.from_environment()
        notifier.extend(1.5)
        notifier.status("two\nlines")
        notifier.status("two lines")
        notifier.remark("a remark")
        notifier.ready()
        notifier.reloading()
        notifier.alive()
        notifier.stopping()
        manager.await_that(lambda: manager.count("STOPPING=1") == 1)
    heard = [line for lines in manager.heard for line in lines]
    monotonic = next(line for line in heard if line.startswith("MONOTONIC_USEC="))
    assert int(monotonic.partition("=")[2]) > 0
    assert [line for line in heard if line != monotonic] == [
        "EXTEND_TIMEOUT_USEC=1500000",
        "STATUS=two lines",
        "STATUS=a remark; two lines",
        "READY=1",
        "RELOADING=1",
        "WATCHDOG=1",
        "STOPPING=1",
        "STATUS=ending",
    ]


def said(*calls: str, watchdog_s: float | None = None) -> list[str]:
    heard: list[str] = []
    notifier = Notifier(lambda text: heard.extend(text.splitlines()), watchdog_s)
    for call in calls:
        if call == "changing":
            notifier.changing(60.0)
        else:
            getattr(notifier, call)()
    return [line for line in heard if not line.startswith("MONOTONIC_USEC=")]


def test_new_settings_that_are_of_no_use_leave_a_service_ready() -> None:
    assert said("ready", "reloading", "unchanged") == ["READY=1", "RELOADING=1", "READY=1"]


def test_new_settings_never_make_a_service_ready_that_was_not() -> None:
    assert said("reloading", "unchanged") == []
    assert said("ready", "reloading", "changing", "reloading", "unchanged") == ["READY=1", "RELOADING=1"]


def test_a_change_of_the_service_is_given_time_by_the_watchdog() -> None:
    assert said("ready", "changing", "ready", watchdog_s=10.0) == ["READY=1", "WATCHDOG_USEC=60000000", "WATCHDOG=1", "READY=1"]


@pytest.mark.parametrize(
    ("environment", "watchdog_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "10000000"}, 10.0),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": str(os.getpid())}, 10.0),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_the_one_of_this_process(environment: dict[str, str], watchdog_s: float | None) -> None:
    assert notify.from_environment({"NOTIFY_SOCKET": "/nowhere", **environment}).watchdog_s == watchdog_s


def test_a_socket_that_is_not_there_is_said_once_and_is_no_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "missing"))
    notifier = notify.from_environment()
    with caplog.at_level(logging.WARNING):
        notifier.ready()
        notifier.alive()
    assert [record.getMessage() for record in caplog.records] == [
        "systemd cannot be told how the service is: $NOTIFY_SOCKET: No such file or directory"
    ]


def test_a_manager_that_waits_and_no_systemd_python_is_an_error_that_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "systemd.daemon", None)
    with pytest.raises(SettingsError, match=r"systemd-python is not installed: type .* `pip install 'affectd\[systemd\]'`"):
        notify.from_environment({"NOTIFY_SOCKET": "/run/systemd/notify"})
