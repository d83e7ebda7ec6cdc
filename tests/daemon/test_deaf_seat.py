"""What a seat says when its microphone goes in the middle of a word, and when that is back: nothing stays open."""

from __future__ import annotations

import pytest

from daemon import assembly
from daemon.capture.recording import Recording
from daemon.events import Block
from daemon.ports import Model
from models.contract import UNCERTAIN
from tests.daemon.contract import faults
from tests.daemon.sources import DevicelessSource
from tests.daemon.two_seats import TwoSeats, bundled
from tests.fixtures.stream_model import FILE

RATE_HZ = 16000


class GoingSource(DevicelessSource):
    """A recording whose device can go: while it is gone nobody hears what is played, as with a microphone."""

    def __init__(self, inner: Recording) -> None:
        self.name = inner.name
        self.gone = False
        self.n_lost = 0
        self._inner = inner

    @property
    def ended(self) -> bool:
        return self._inner.ended

    def read(self) -> Block | None:
        if self.gone:
            self.hearing = False
            return None
        if not self.hearing:
            self.hearing = True
            return None
        return self._inner.read()

    def miss(self, n_blocks: int) -> None:
        """Sound that nobody hears."""
        for _ in range(n_blocks):
            block = self._inner.read()
            self.n_lost += len(block.samples) if block else 0

    def close(self) -> None:
        self._inner.close()


@pytest.fixture(scope="module", params=["cl-emodb", str(FILE)], ids=["windows", "stream"])
def model(request: pytest.FixtureRequest) -> Model:
    return assembly.open_model(request.param)


class Loop(TwoSeats):
    """The driver's microphone can go."""

    def __init__(self, model: Model) -> None:
        self.driver = GoingSource(bundled("driver", model))
        super().__init__(model, self.driver)

    def until_an_episode_while_speaking(self) -> None:
        super().until_an_episode_while_speaking()
        # a little more than the beginning of a word
        self.steps(20)


def test_what_was_said_up_to_the_gap_is_judged_and_the_episode_ends(model: Model) -> None:
    loop = Loop(model)
    loop.until_an_episode_while_speaking()
    n_messages, n_rear = len(loop.sink.messages), len(loop.of("rear", "utterance"))
    heard_s = loop.seats[0].now_sample / RATE_HZ
    loop.driver.gone = True
    loop.steps(1)
    told = [one for one in loop.sink.messages[n_messages:] if one.topic.startswith("driver/")]
    assert [one.topic for one in told] == ["driver/utterance", "driver/episode", "driver/state"]
    utterance, episode, state = (one.body for one in told)
    assert heard_s - 0.5 < utterance["speech"]["end_s"] <= heard_s
    assert utterance["label"] != ""
    assert episode["phase"] == "end"
    said = (state["hearing"], state["listening"], state["speaking"], state["label"], state["probabilities"])
    assert said == (False, True, False, UNCERTAIN, {})
    loop.steps(100)
    assert len(loop.of("driver", "state")) == len([one for one in loop.sink.messages if one.topic == "driver/state"])
    assert [one for one in loop.sink.messages[n_messages + 3 :] if one.topic.startswith("driver/")] == [], "said once"
    loop.end()
    assert len(loop.of("rear", "utterance")) == 5 > n_rear, "the other seat went on"


def test_when_it_is_back_positions_show_the_hole_and_times_are_right(model: Model) -> None:
    loop = Loop(model)
    loop.until_an_episode_while_speaking()
    loop.driver.gone = True
    loop.steps(1)
    loop.driver.miss(150)
    loop.driver.gone = False
    loop.steps(1)
    assert loop.of("driver", "state")[-1]["hearing"] is True
    loop.end()
    assert loop.seats[0].lost_samples == loop.driver.n_lost == 150 * 320
    mine, others = loop.of("driver", "utterance"), loop.of("rear", "utterance")
    # those that began after the hole are the same as where nothing was lost, at the same times
    assert [one["speech"] for one in mine[-3:]] == [one["speech"] for one in others[-3:]]


def test_who_sits_there_is_still_known() -> None:
    loop = Loop(assembly.open_model(str(FILE)))
    while loop.seats[0].n_known < 2:
        loop.steps(1)
    loop.driver.gone = True
    loop.steps(1)
    assert loop.seats[0].n_known == 2


def test_a_loss_in_a_silent_cabin_is_told_and_nothing_else(model: Model) -> None:
    loop = Loop(model)
    loop.steps(5)
    n_messages = len(loop.sink.messages)
    for gone in (True, False, True):
        loop.driver.gone = gone
        loop.steps(2)
    told = [one for one in loop.sink.messages[n_messages:] if one.topic.startswith("driver/")]
    assert {one.topic for one in told} == {"driver/state"}
    assert [one.body["hearing"] for one in told] == [False, True, False]


def test_a_deaf_seat_is_never_forgotten_by_the_broker_and_keeps_to_the_contract(model: Model) -> None:
    loop = Loop(model)
    loop.until_an_episode_while_speaking()
    loop.driver.gone = True
    loop.steps(1)
    loop.driver.gone = False
    loop.end()
    for number, message in enumerate(loop.sink.messages, start=1):
        kind = message.topic.rsplit("/", 1)[-1]
        assert faults(kind, {**message.body, "boot": "b00t", "seq": number}) == []
        if kind == "state":
            assert message.expiry_s == (300 if message.body["hearing"] else None)


def test_a_service_that_ends_while_a_seat_is_deaf_says_the_rest_once(model: Model) -> None:
    loop = Loop(model)
    loop.until_an_episode_while_speaking()
    loop.driver.gone = True
    loop.steps(1)
    n_utterances = len(loop.of("driver", "utterance"))
    loop.driver.gone = False
    loop.driver.miss(10**6)
    loop.end()
    assert len(loop.of("driver", "utterance")) == n_utterances
    assert [one["phase"] for one in loop.of("driver", "episode")].count("end") == 1
