"""Which source measures: the first that is there; where there is none, why."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from daemon.power import jtop_source
from daemon.power.choice import choose


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PC without a card of NVIDIA's."""
    monkeypatch.setattr(jtop_source, "SOCKET", str(tmp_path / "jtop.sock"))
    monkeypatch.setattr(jtop_source, "TEGRA", str(tmp_path / "nv_tegra_release"))
    return tmp_path


def test_a_pc_without_a_card_has_none_and_is_told_why(machine: Path) -> None:
    source = choose("auto", 1.0)
    assert source.name == "none"
    assert source.trouble.startswith("jtop: this is no Jetson; nvml: ")
    assert list(source.read()) == []
    source.close()


def test_only_the_one_that_is_wanted_is_tried(machine: Path) -> None:
    assert choose("jtop", 1.0).trouble == "jtop: this is no Jetson"
    assert choose("nvml", 1.0).trouble.startswith("nvml: ")
    assert choose("none", 1.0).trouble == "the settings want none"


def test_a_jetson_without_jetson_stats_is_told_what_to_type(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine / "nv_tegra_release").write_text("# R35 (release)\n")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert "type: pip install jetson-stats" in choose("jtop", 1.0).trouble


def test_a_jetson_whose_jtop_does_not_run_waits_for_it(machine: Path) -> None:
    (machine / "nv_tegra_release").write_text("# R35 (release)\n")
    source = choose("auto", 1.0)
    try:
        assert source.name == "jtop"
        assert list(source.read()) == []
        assert source.trouble
    finally:
        source.close()
