"""jtop's words, and what is made of them; whatever it says, nothing is made up and nothing breaks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.power.jtop_reading import JtopReadings
from daemon.power.reading import Reading

# as jtop 7.2 said it over the fake board
XAVIER: dict[str, Any] = {
    "every_s": 0.5,
    "power": {
        "rail": {
            "VDD_CPU_GPU_CV": {"volt": 5000, "curr": 800, "warn": 3600, "power": 4000, "online": True, "avg": 4000},
            "VDD_SOC": {"volt": 5000, "curr": 240, "warn": 3600, "power": 1200, "online": True, "avg": 1200},
        },
        "tot": {"volt": 5000, "curr": 1404, "warn": 3600, "power": 7020, "online": True, "avg": 7020, "name": "VDD_IN"},
    },
    "temperature": {"CPU": {"temp": 41.5, "online": True}, "PLL": {"temp": -256, "online": False}},
    "cpu": [
        {"online": True, "freq": {"min": 115200, "max": 1420800, "cur": 1190400}},
        {"online": True, "freq": {"min": 115200, "max": 1420800, "cur": 1420800}},
        {"online": False, "freq": {}},
    ],
    "gpu": {"gv11b": {"governor": "nvhost_podgov", "cur": 114750, "max": 1109250, "min": 114750}},
    "emc": {"cur": 1600000, "max": 1866000},
    "mode": "MODE_15W_6CORE",
}


def made(**changes: Any) -> Reading:
    return JtopReadings().of({**XAVIER, **changes}, 12.5)


def test_units_and_names() -> None:
    found = made()
    assert (found.taken_s, found.every_s) == (12.5, 0.5)
    assert (found.total_w, found.total_of) == (7.02, "VDD_IN")
    assert found.rails_w == {"VDD_CPU_GPU_CV": 4.0, "VDD_SOC": 1.2}
    assert found.temperatures_c == {"CPU": 41.5}, "a sensor that is off says nothing"
    assert found.clocks_mhz == {"CPU": 1305.6, "GPU": 114.75, "EMC": 1600.0}
    assert (found.mode, list(found.throttling)) == ("MODE_15W_6CORE", [])


def test_without_sensors_there_are_no_watts() -> None:
    found = made(power={}, temperature={}, gpu={}, emc=None, mode="")
    assert (found.total_w, found.total_of, found.rails_w) == (None, "", {})
    assert found.clocks_mhz == {"CPU": 1305.6}


def test_a_board_that_has_no_rail_of_the_whole_is_the_sum_of_its_rails() -> None:
    found = made(power={"rail": XAVIER["power"]["rail"], "tot": {"power": 5200, "avg": 5200}})
    assert (found.total_w, found.total_of) == (5.2, "all rails")


def test_a_rail_above_its_limit_is_throttling() -> None:
    total = {**XAVIER["power"]["tot"], "curr": 3601}
    assert made(power={**XAVIER["power"], "tot": total}).throttling == ["VDD_IN draws 3.60 of 3.60 A"]


def held_to(khz: int, mode: str = "MODE_15W_6CORE") -> dict[str, Any]:
    return {**XAVIER, "cpu": [{"online": True, "freq": {"max": khz, "cur": khz}}], "mode": mode}


def test_a_clock_that_is_held_down_within_a_mode_is_throttling_until_it_may_rise_again() -> None:
    readings = JtopReadings()
    said = [list(readings.of(held_to(khz), 0.0).throttling) for khz in (1420800, 1190400, 1420800)]
    assert said == [[], ["CPU held to 1190 of 1421 MHz"], []]


def test_another_mode_is_no_throttling() -> None:
    readings = JtopReadings()
    readings.of(held_to(1907200, "MODE_15W_2CORE"), 0.0)
    assert readings.of(held_to(1420800), 1.0).throttling == []


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*XAVIER["power"], "temp", "max"]), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(list(XAVIER)), ANYTHING))
def test_whatever_it_says_a_reading_is_made_of_what_makes_sense(seen: dict[str, Any]) -> None:
    found = JtopReadings().of(seen, 0.0)
    numbers = [*found.rails_w.values(), *found.temperatures_c.values(), *found.clocks_mhz.values(), found.every_s]
    assert all(type(number) is float and number == number for number in numbers)


@pytest.mark.parametrize("every_s", [None, 0, -1.0, float("nan"), "soon"])
def test_an_interval_that_makes_no_sense_is_a_second(every_s: Any) -> None:
    assert made(every_s=every_s).every_s == 1.0
