"""A service with an engine to build asks systemd for the time. TensorRT is acted: see tests/fixtures/fake_gpu.py."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from daemon.errors import SettingsError
from daemon.preparing import prepare
from daemon.service.doctor import engine
from daemon.service.notify import Notifier
from models import runtime
from models.providers import TENSORRT
from tests.daemon.service.doctor.places import place
from tests.fixtures.fake_gpu import BUILT_WITH, FakeGpu
from tests.fixtures.stream_model import FILE

ASKED = "EXTEND_TIMEOUT_USEC=1800000000"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a machine whose TensorRT is acted."""
    monkeypatch.setattr(runtime, "open_model", partial(runtime.open_model, make=FakeGpu(), built_with=BUILT_WITH))
    monkeypatch.setenv("CACHE_DIRECTORY", str(tmp_path / "cache"))
    file = tmp_path / "affectd.toml"
    file.write_text(f'[model]\nname = "{FILE}"\nprovider = "tensorrt"\n[[source]]\ndevice = "cabin"\n')
    return file


def test_while_an_acted_engine_is_built_systemd_is_asked_for_time_and_never_again(config: Path) -> None:
    said: list[str] = []
    for _ in range(2):
        assert prepare(config, Notifier(said.append).extend).model.inference.provider == TENSORRT
    assert said == [ASKED]


def test_an_acted_engine_is_built_in_a_step_of_its_own_and_the_service_then_has_it(config: Path, tmp_path: Path) -> None:
    told: list[str] = []
    assert f"the engine is in {tmp_path / 'cache' / 'engines'}" in engine.build(place(config=config), told.append)
    assert "minutes, 30 at most, and not a word meanwhile" in told[0]
    said: list[str] = []
    assert prepare(config, Notifier(said.append).extend).model.inference.provider == TENSORRT
    assert said == []


def test_settings_without_a_source_are_no_service(tmp_path: Path) -> None:
    file = tmp_path / "affectd.toml"
    file.write_text("")
    with pytest.raises(SettingsError, match="no \\[\\[source\\]\\]"):
        prepare(file, Notifier().extend)
