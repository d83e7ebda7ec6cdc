"""A seat that is switched off and on while its recording runs: what it drops, ends, forgets and says."""

from __future__ import annotations

import logging
import threading

import pytest

from daemon import assembly
from daemon.capture.switched import SwitchedSource
from daemon.ports import Model
from models.contract import UNCERTAIN
from tests.daemon.contract import faults
from tests.daemon.two_seats import TwoSeats, bundled
from tests.fixtures.stream_model import FILE

SPEAKING_BLOCKS = 115
"""Into the first utterance of the bundled recording, and its episode."""


@pytest.fixture(scope="module", params=["cl-emodb", str(FILE)], ids=["windows", "stream"])
def model(request: pytest.FixtureRequest) -> Model:
    return assembly.open_model(request.param)


class Loop(TwoSeats):
    """The driver's seat can be switched."""

    def __init__(self, model: Model, on: bool = True) -> None:
        self.driver = SwitchedSource("driver", lambda: bundled("driver", model), on, lambda *_: None)
        super().__init__(model, self.driver)

    def end(self) -> None:
        super().end()
        # what is off has not ended: the service does
        stop = threading.Event()
        stop.set()
        self.pipeline.run(stop)


def test_in_mid_utterance_it_is_dropped_the_episode_ends_and_nothing_is_judged(model: Model) -> None:
    loop = Loop(model)
    loop.until_an_episode_while_speaking()
    n_states, n_utterances = len(loop.of("driver", "state")), len(loop.of("driver", "utterance"))
    n_told, heard = len(loop.of("driver", "episode")), loop.seats[0].now_sample
    loop.driver.switch(False)
    loop.steps(1)
    (state,) = loop.of("driver", "state")[n_states:]
    said = (state["listening"], state["speaking"], state["label"], state["probabilities"], state["level_dbfs"])
    assert said == (False, False, UNCERTAIN, {}, -120.0)
    assert [body["phase"] for body in loop.of("driver", "episode")[n_told:]] == ["end"]
    assert len(loop.of("rear", "utterance")) < 5
    loop.end()
    assert (loop.seats[0].now_sample, loop.seats[0].n_known) == (heard, 0)
    assert len(loop.of("driver", "utterance")) == n_utterances
    assert [body["listening"] for body in loop.of("driver", "state")[n_states:]] == [False, False]
    assert len(loop.of("rear", "utterance")) == 5, "the other seat went on"


def test_switched_on_again_it_hears_as_if_for_the_first_time(model: Model) -> None:
    loop = Loop(model, on=False)
    loop.steps(50)
    assert [body["listening"] for body in loop.of("driver", "state")] == [False], "said once, not at every turn"
    loop.driver.switch(True)
    loop.end()
    assert [body["listening"] for body in loop.of("driver", "state")][:2] == [False, True]
    mine, others = loop.of("driver", "utterance"), loop.of("rear", "utterance")
    assert len(mine) == 5
    for got, wanted_ in zip(mine, others):
        assert got["speech"] == wanted_["speech"]
        assert got["probabilities"] == pytest.approx(wanted_["probabilities"], abs=1e-4)


def test_an_interruption_costs_the_utterance_and_no_more(model: Model) -> None:
    loop = Loop(model)
    loop.steps(SPEAKING_BLOCKS)
    loop.driver.switch(False)
    loop.steps(10)
    loop.driver.switch(True)
    loop.end()
    assert loop.seats[0].lost_samples == 0
    starts = [body["speech"]["start_s"] for body in loop.of("driver", "utterance")]
    assert starts == sorted(starts)
    others = [body["speech"]["start_s"] for body in loop.of("rear", "utterance")]
    assert set(starts[-4:]) == set(others[1:]), "those that begin later are heard as ever"


def test_what_a_seat_says_of_it_keeps_to_the_contract_and_is_never_forgotten_by_the_broker(model: Model) -> None:
    loop = Loop(model)
    loop.steps(SPEAKING_BLOCKS)
    loop.driver.switch(False)
    loop.end()
    for number, message in enumerate(loop.sink.messages, start=1):
        kind = message.topic.rsplit("/", 1)[-1]
        assert faults(kind, {**message.body, "boot": "b00t", "seq": number}) == []
        if kind == "state":
            assert message.expiry_s == (300 if message.body["listening"] else None)


def test_what_was_known_of_the_speaker_is_forgotten(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    loop = Loop(assembly.open_model(str(FILE)))
    while loop.seats[0].n_known < 2:
        loop.steps(1)
    loop.driver.switch(False)
    loop.steps(1)
    assert loop.seats[0].n_known == 0
    assert loop.seats[1].n_known > 0
    assert "seat driver: forgotten what 2 utterances taught: switched off" in caplog.text
