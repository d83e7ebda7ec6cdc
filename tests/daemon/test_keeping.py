"""What is known outlives a restart: whole or not at all, for its owner alone; what is not ours is put aside."""

from __future__ import annotations

import json
import logging
import os
import stat
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest

from daemon import keeping
from daemon.acquaintance import Acquaintance
from daemon.errors import SettingsError
from daemon.keeping import EVERY_S, Keeper, require_place
from daemon.settings import SeatSettings
from tests.daemon.voices import FRONT_END, Voice

MODEL = "a" * 64


def seats(*names: str, n: int = 0) -> dict[str, Acquaintance]:
    """Who know so many utterances each."""
    made = {name: Acquaintance(name, FRONT_END, SeatSettings()) for name in names}
    for seed, one in enumerate(made.values()):
        voice = Voice(seed)
        for _ in range(n):
            one.heard(voice.says(), 0)
    return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "seats.json"


def kept(path: Path, n: int = 30) -> dict[str, Acquaintance]:
    """Two seats, kept there."""
    known = seats("driver", "rear", n=n)
    Keeper(path, MODEL, known).keep()
    return known


def restored(path: Path, sha256: str = MODEL) -> dict[str, Acquaintance]:
    known = seats("driver", "rear")
    Keeper(path, sha256, known).restore()
    return known


@pytest.mark.parametrize("n", [1, 30, 90])
def test_what_was_kept_is_known_again_to_the_last_bit(path: Path, n: int) -> None:
    before, after = kept(path, n), restored(path)
    for name, one in before.items():
        was, now = one.known(), after[name].known()
        assert was is not None
        assert now is not None
        np.testing.assert_array_equal(now.functionals, was.functionals)
        np.testing.assert_array_equal(now.log_mel, was.log_mel)
        assert (now.n_frames, now.n_utterances) == (was.n_frames, was.n_utterances)


def test_a_file_kept_again_is_the_same(path: Path) -> None:
    kept(path)
    first = path.read_bytes()
    known = seats("driver", "rear")
    keeper = Keeper(path, MODEL, known)
    keeper.restore()
    path.unlink()
    keeper.keep()
    assert not path.exists(), "nothing is new, so nothing is written"
    known["rear"].forget("test")
    keeper.keep()
    assert set(json.loads(path.read_text())["seats"]) == {"driver"}
    assert json.loads(path.read_text())["seats"]["driver"] == json.loads(first)["seats"]["driver"]


def test_it_holds_numbers_alone_and_is_its_owners(path: Path) -> None:
    old_mask = os.umask(0)
    try:
        kept(path)
    finally:
        os.umask(old_mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    content = json.loads(path.read_text())
    assert set(content) == {"schema", "model", "seats"}
    assert (content["schema"], content["model"], set(content["seats"])) == (keeping.SCHEMA, MODEL, {"driver", "rear"})
    for table in content["seats"].values():
        values = [one for value in table.values() for one in (value if isinstance(value, list) else [value])]
        assert all(isinstance(value, float) for value in values)
        assert len(values) < 1000


def test_what_others_may_read_is_never_written_to(path: Path) -> None:
    new = path.with_name(path.name + ".new")
    new.write_text("left behind")
    new.chmod(0o666)
    kept(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not new.exists()


def test_without_a_file_the_seats_begin_anew(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert all(one.known() is None for one in restored(path).values())
    assert caplog.records == []


def test_a_seat_that_is_new_begins_anew_and_one_that_is_gone_is_passed_over(path: Path) -> None:
    kept(path)
    known = seats("driver", "middle")
    Keeper(path, MODEL, known).restore()
    assert (known["driver"].n_utterances, known["middle"].n_utterances) == (30, 0)


def changed(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], Any]:
    def write(path: Path) -> None:
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return write


DAMAGED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "cut off": (lambda path: path.write_text(path.read_text()[:1000]), "damaged, or not a file of what seats know"),
    "empty": (lambda path: path.write_text(""), "damaged"),
    "no text": (lambda path: path.write_bytes(b"\xff\xfe\x00"), "damaged"),
    "deep": (lambda path: path.write_text("[" * 200_000), "damaged"),
    "a list": (lambda path: path.write_text("[]"), "damaged"),
    "far too large": (lambda path: path.write_bytes(b" " * (keeping.MOST_BYTES + 1)), "far too large"),
    "foreign": (lambda path: path.write_text('{"schema": "other/1"}'), "its schema is not affectd/acquaintance/1"),
    "another model's": (changed(lambda content: content.update(model="b" * 64)), "it is of another model"),
    "no seats": (changed(lambda content: content.pop("seats")), "damaged"),
    "no scatter": (changed(lambda content: content["seats"]["rear"].pop("scatter")), "damaged"),
    "a text": (changed(lambda content: content["seats"]["rear"].update(frames="12")), "damaged"),
    "a truth": (changed(lambda content: content["seats"]["rear"].update(utterances=True)), "damaged"),
    "no list": (changed(lambda content: content["seats"]["rear"].update(log_mel=1.0)), "damaged"),
    "not finite": (changed(lambda content: content["seats"]["rear"]["scatter"].__setitem__(0, float("inf"))), "it has values"),
    "huge": (changed(lambda content: content["seats"]["rear"]["log_mel"].__setitem__(0, 10**400)), "damaged"),
    "another length": (changed(lambda content: content["seats"]["rear"]["log_mel"].append(0.0)), "its log_mel is of (17,)"),
    "below zero": (changed(lambda content: content["seats"]["rear"]["scatter"].__setitem__(0, -1.0)), "its scatter is below 0"),
    "too many": (changed(lambda content: content["seats"]["rear"].update(utterances=1e6)), "it counts 1e+06 utterances"),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_what_is_not_ours_is_put_aside_in_one_line(path: Path, caplog: pytest.LogCaptureFixture, what: str) -> None:
    caplog.set_level(logging.INFO)
    kept(path)
    damage, says = DAMAGED[what]
    damage(path)
    content = path.read_bytes()
    known = seats("driver", "rear")
    keeper = Keeper(path, MODEL, known)
    keeper.restore()
    # the good half of a file is not used either
    assert all(one.known() is None for one in known.values())
    aside = path.with_name(path.name + ".aside")
    assert aside.read_bytes() == content
    assert not path.exists()
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith(f"{path}: {says}")
    assert line.endswith(f"it is put aside as {aside.name}, the seats begin anew")
    assert "\n" not in line
    known["driver"].heard(Voice(1).says(), 0)
    keeper.keep()
    assert restored(path)["driver"].n_utterances == 1


def test_what_cannot_even_be_put_aside_is_said_and_the_seats_begin_anew(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text("?")
    monkeypatch.setattr(os, "replace", _refuses)
    assert restored(path)["driver"].known() is None
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.endswith("it is not used, nor can it be put aside: Read-only file system")


def _refuses(*_: object) -> None:
    raise OSError(30, "Read-only file system")


@pytest.mark.parametrize("step", ["open", "fsync", "replace"])
def test_a_file_is_written_whole_or_not_at_all(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """What fails leaves the old one; it is said once, and the next time may succeed."""
    known = kept(path)
    old = path.read_bytes()
    keeper = Keeper(path, MODEL, known)
    known["driver"].heard(Voice(3).says(), 0)
    with monkeypatch.context() as failing:
        failing.setattr(os, step, _refuses)
        keeper.keep()
        keeper.keep()
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == f"{path} cannot be written: Read-only file system: what is known is in memory only"
    assert path.read_bytes() == old
    keeper.keep()
    assert restored(path)["driver"].n_utterances == 31


def test_it_is_written_now_and_then_and_only_when_there_is_news(path: Path) -> None:
    known = seats("driver", n=3)
    keeper, second_ns = Keeper(path, MODEL, known), 10**9
    times = range(0, round(3 * EVERY_S) + 1, 10)
    written = []
    for at_s in times:
        keeper.keep_now_and_then(5 * second_ns + at_s * second_ns)
        if path.exists():
            written.append(at_s)
            path.unlink()
        if at_s == EVERY_S + 20:
            known["driver"].heard(Voice(1).says(), 0)
    assert written == [EVERY_S, 2 * EVERY_S]


def test_what_is_forgotten_goes_from_the_file(path: Path) -> None:
    known = kept(path)
    for one in known.values():
        one.forget("test")
    Keeper(path, MODEL, known).keep()
    assert json.loads(path.read_text())["seats"] == {}
    assert restored(path)["rear"].known() is None


def test_a_place_that_is_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for good in ("", "seats.json", str(tmp_path / "seats.json")):
        require_place(good)
    with pytest.raises(SettingsError, match=r"^\[seat\] keep is '/no/such/seats.json': there is no folder /no/such: make it"):
        require_place("/no/such/seats.json")
    with pytest.raises(SettingsError, match="that is no file: name another"):
        require_place(str(tmp_path))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SettingsError, match="that is no file"):
        require_place(str(tmp_path / "pipe"))
