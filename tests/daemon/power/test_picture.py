"""The picture shows what was measured: looked at by its colours; and only a report loads what draws it."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, Sequence

import numpy as np
import pytest

from daemon.errors import SettingsError
from daemon.power import picture
from daemon.power.picture import draw
from daemon.power.report import figures_of
from daemon.power.snapshot import Snapshot
from daemon.power.trace import read_traces
from tests.daemon.power.traces import BEGAN, snapshots, written

ROOT = Path(__file__).parents[3]
POWER, TEMPERATURE, LATENCY = range(3)


def shown(folder: Path, day: Sequence[Snapshot]) -> Any:
    """Matplotlib's Figure; it is written as a PNG, too, which is not blank."""
    from matplotlib.image import imread

    trace = read_traces([written(folder / "power.csv", day)])
    path = folder / "power.png"
    draw(trace, figures_of(trace), path)
    pixels = imread(path)
    assert pixels.shape[:2] == (935, 1210)
    assert pixels[:, :, :3].std() > 0.05
    return picture.picture_of(trace, figures_of(trace))


def lines(figure: Any, panel: int) -> dict[str, np.ndarray]:
    return {line.get_label(): line.get_ydata() for line in figure.axes[panel].lines}


def stretches(figure: Any, panel: int, label: str) -> list[tuple[int, int]]:
    """First and last second of each stretch that is marked so; only the first panel has labels."""
    colour = {patch.get_label(): patch.get_facecolor() for patch in figure.axes[POWER].patches}.get(label)
    ends = [patch.get_extents().transformed(figure.axes[panel].transData.inverted()) for patch in figure.axes[panel].patches]
    began = date2num(BEGAN)
    return [
        (round((end.x0 - began) * 86400.0), round((end.x1 - began) * 86400.0))
        for end, patch in zip(ends, figure.axes[panel].patches)
        if patch.get_facecolor() == colour
    ]


def date2num(moment: datetime) -> float:
    from matplotlib.dates import date2num as days

    return float(days(moment))  # type: ignore[no-untyped-call]


def test_a_day_with_everything(tmp_path: Path) -> None:
    day = [*[5.0] * 300, *[None] * 100, *[8.0] * 300]
    figure = shown(tmp_path, snapshots(day, throttled=range(600, 700)))
    total = lines(figure, POWER)["total (VDD_IN)"]
    np.testing.assert_array_equal(total, [np.nan if watts is None else watts for watts in day])
    assert set(lines(figure, POWER)) == {"total (VDD_IN)", "VDD_CPU_GPU_CV", "VDD_SOC"}
    assert set(lines(figure, TEMPERATURE)) == {"CPU", "GPU"}
    assert set(lines(figure, LATENCY)) == {"utterance p50", "utterance p99", "inference p50", "inference p99"}
    assert not np.isnan(lines(figure, LATENCY)["utterance p99"]).any(), "the service went on meanwhile"
    for panel in (POWER, TEMPERATURE):
        assert stretches(figure, panel, "not measured") == [(300, 400)]
        assert stretches(figure, panel, "throttled") == [(600, 699)]
    assert stretches(figure, LATENCY, "not measured") == []
    assert "J an utterance" in figure._suptitle.get_text()
    assert [axes.get_ylabel() for axes in figure.axes] == ["power, W", "temperature, °C", "latency, ms"]


def test_a_day_without_trouble_has_no_marks(tmp_path: Path) -> None:
    figure = shown(tmp_path, snapshots([5.0, 6.0, 7.0] * 100))
    assert [len(axes.patches) for axes in figure.axes] == [0, 0, 0]


def test_without_a_power_source_it_shows_the_use_of_the_cpu(tmp_path: Path) -> None:
    figure = shown(tmp_path, snapshots([None] * 100, source="none"))
    assert list(lines(figure, POWER)) == ["CPU use"]
    assert figure.axes[POWER].get_ylabel() == "CPU use, %"
    assert "no power source" in figure.axes[POWER].get_title(loc="left")
    assert [text.get_text() for text in figure.axes[TEMPERATURE].texts] == ["not measured"]


@pytest.mark.parametrize("n_rows", [1, 2, 5000])
def test_one_row_and_many(tmp_path: Path, n_rows: int) -> None:
    figure = shown(tmp_path, snapshots([5.0 + number % 3 for number in range(n_rows)]))
    assert len(lines(figure, POWER)["total (VDD_IN)"]) == min(n_rows, picture.MOST_POINTS)


def test_where_many_rows_are_thinned_their_means_and_ends_are_kept() -> None:
    times_s = np.arange(10000.0)
    values = np.sin(times_s / 500.0)
    values[4321], values[9000:] = 99.0, np.nan
    thin_s, least, means, most = picture._thinned(times_s, values)
    assert len(thin_s) == picture.MOST_POINTS
    assert np.nanmax(most) == 99.0
    assert np.isnan(means[-50:]).all()
    assert (least[np.isfinite(least)] <= means[np.isfinite(means)]).all()
    np.testing.assert_allclose(np.nanmean(means), np.nanmean(values), rtol=1e-9)


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    trace = read_traces([written(tmp_path / "power.csv", snapshots([5.0] * 10))])
    with pytest.raises(SettingsError, match="cannot be written: No such file or directory"):
        draw(trace, figures_of(trace), tmp_path / "nowhere" / "power.png")


def test_without_matplotlib_it_says_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = read_traces([written(tmp_path / "power.csv", snapshots([5.0] * 10))])
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(SettingsError, match="type: pip install matplotlib"):
        draw(trace, figures_of(trace), tmp_path / "power.png")


@pytest.mark.parametrize("arguments", ["--config {config} --once", "--report {table}"])
def test_neither_the_logger_nor_the_figures_load_what_draws_or_judges(tmp_path: Path, arguments: str) -> None:
    table = written(tmp_path / "power.csv", snapshots([5.0] * 10))
    config = tmp_path / "affectd.toml"
    config.write_text("[power]\ninterval_s = 0.1\n")
    command = ["power-log", *arguments.format(config=config, table=table).split()]
    code = f"import sys\nfrom daemon.__main__ import main\nassert main({command!r}) == 0\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stderr.split()}
    assert "daemon" in loaded
    assert not loaded & {"matplotlib", "jtop", "torch", "onnxruntime", "pyaudio", "pandas"}
