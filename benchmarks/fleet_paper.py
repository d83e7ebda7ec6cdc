"""What 100,000 cabins need, reckoned from what was measured: an estimate, and no measurement."""

from __future__ import annotations

import math
from typing import Any, Mapping

N_CABINS = 100_000
SPARE = 2.0
"""Twice what is needed on average: mornings and evenings are not the average."""


def on_paper(broker: Mapping[str, Any], cabin: Mapping[str, Any]) -> list[str]:
    """A line for each need. All cabins are taken to be driven at once, and somebody to speak in each nearly all the time."""
    events_a_second = N_CABINS * cabin["messages_an_hour"] / 3600.0
    capacity = broker["events_a_second_burst"]
    memory_gb = N_CABINS * max(0.0, broker["memory_kb_a_cabin"]) / 1e6
    network_mbit = N_CABINS * cabin["sent_bytes_an_hour"] * 8 / 3600.0 / 1e6
    stored_gb = N_CABINS * cabin["stored_body_bytes_an_hour"] * 24 / 1e9
    return [
        f"{events_a_second:,.0f} events a second; measured {capacity:,}: "
        f"{math.ceil(SPARE * events_a_second / capacity)} times what was measured here, with {SPARE:g} times the room",
        f"{memory_gb:.0f} GB of broker memory for connections, before what waits",
        f"{network_mbit:.0f} Mbit/s into the broker, and as much again out of it to the collectors",
        f"{stored_gb:.0f} GB of JSON a day, as the collectors get it",
    ]
