"""Where the service keeps what outlives a restart."""

from __future__ import annotations

import errno
import logging
import os
import stat
from pathlib import Path

import pytest

from daemon.errors import SettingsError
from daemon.settings import NodeSettings, Settings
from daemon.state_folder import state_folder


def asked(folder: Path | str = "") -> Settings:
    return Settings(node=NodeSettings(state=str(folder)))


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STATE_DIRECTORY", f"{tmp_path}/systemd:{tmp_path}/other")
    monkeypatch.setenv("XDG_STATE_HOME", f"{tmp_path}/user")
    monkeypatch.setenv("HOME", f"{tmp_path}/home")
    return tmp_path


def test_the_setting_goes_before_systemd_and_that_before_the_user(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert state_folder(asked(places / "a" / "b")) == places / "a" / "b"
    assert state_folder(asked()) == places / "systemd"
    monkeypatch.delenv("STATE_DIRECTORY")
    assert state_folder(asked()) == places / "user" / "affectd"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert state_folder(asked()) == places / "home" / ".local" / "state" / "affectd"
    monkeypatch.delenv("XDG_STATE_HOME")
    assert state_folder(asked()) == places / "home" / ".local" / "state" / "affectd"


def test_it_is_made_for_its_owner_alone_and_one_that_is_there_stays_as_it_is(places: Path) -> None:
    assert stat.S_IMODE(state_folder(asked(places / "new")).stat().st_mode) == 0o700
    (places / "new").chmod(0o750)
    assert stat.S_IMODE(state_folder(asked(places / "new")).stat().st_mode) == 0o750


def test_a_file_in_its_place_is_refused_in_one_line(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (places / "systemd").write_text("")
    with pytest.raises(SettingsError) as refused:
        state_folder(asked(places / "systemd" / "below"))
    assert str(refused.value) == f"[node] state {places}/systemd/below: cannot be made: Not a directory; name another"
    with pytest.raises(SettingsError) as refused:
        state_folder(asked())
    assert str(refused.value) == f"$STATE_DIRECTORY {places}/systemd: cannot be made: File exists; name one in [node] state"


def test_a_folder_of_somebody_else_is_refused(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(SettingsError, match=r"^\[node\] state .*/mine: this user may not write there; name another$"):
        state_folder(asked(places / "mine"))


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EIO])
def test_a_disk_in_trouble_stops_no_service(
    places: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    def fails(self: Path, **_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "mkdir", fails)
    with caplog.at_level(logging.WARNING):
        assert state_folder(asked(places / "new")) == places / "new"
    assert f"{places}/new: cannot be made: {os.strerror(number)}: nothing outlives a restart for now" in caplog.text
