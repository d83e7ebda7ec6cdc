"""The service: sources, pipeline and delivery, from start to a clean end."""

from __future__ import annotations

import json
import logging
import threading
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Sequence

from daemon import assembly
from daemon.capture.liveness import Counts
from daemon.capture.switched import SwitchedSource
from daemon.clock import SystemClock
from daemon.commands import Commands
from daemon.delivery import discovery
from daemon.delivery.mqtt import MqttDelivery
from daemon.delivery.outbox import Outbox
from daemon.errors import SettingsError
from daemon.keeping import Keeper, require_place
from daemon.ports import AudioSource, Model, Stop
from daemon.seat import Seat
from daemon.service.doing import doing, ears
from daemon.service.journal import STARTED, Journalled, fields
from daemon.service.metrics import Metrics
from daemon.service.notify import Notifier
from daemon.service.trial import Trial
from daemon.service.watchdog import Ear, Watchdog
from daemon.settings import Settings
from daemon.state_folder import state_folder
from daemon.switches import SwitchFile

if TYPE_CHECKING:
    from daemon.service.metrics_server import MetricsServer

logger = logging.getLogger(__name__)

HEALTH_EVERY_S = 10.0
LEAST_BETWEEN_S = 0.1
FAREWELL_S = 5.0
FIRST_TRY_S = 2.0
"""So long the start waits for microphones to be looked for: one whose name is wrong is better said at once."""
OUTBOX = "outbox.sqlite"


class Service:
    """Everything that runs between `affectd run` and its end. Use it as a context."""

    def __init__(self, settings: Settings, model: Model, notifier: Notifier | None = None) -> None:
        """Opens every source; a microphone that is not there may come later. `notifier`: who is told how it all is.

        Raises DeviceError without PyAudio, or for a name that fits several microphones; RecordingError; SettingsError.
        """
        self.farewell_s = FAREWELL_S
        """In the end: for what is left to deliver."""
        self.boot = assembly.new_boot()
        self._settings = settings
        self._inference = model.inference
        self._clock = SystemClock()
        self._metrics = Metrics()
        self._ended = threading.Event()
        state = state_folder(settings)
        switches = SwitchFile(state, [one.name for one in settings.source])
        self._wake = threading.Event()
        self._sources: dict[str, SwitchedSource] = {}
        self.commands = Commands(self._sources, switches, self._clock.at, self._changed)
        with ExitStack() as opened:
            self.outbox = Outbox(state / OUTBOX, self.boot, settings.outbox, settings.node.name, self._clock.at)
            opened.callback(self.outbox.close)
            self.outbox.on_delivered = self._metrics.acknowledged
            self._scraped = self._metrics_server(model)
            if self._scraped:
                opened.callback(self._scraped.close)
            self._delivery = MqttDelivery(settings.broker, settings.node.name, self.outbox, self._clock.at)
            for one in settings.source:
                open_source = partial(assembly.open_source, one, model.contract, self._clock.ring, Counts())
                source = SwitchedSource(one.name, open_source, switches.is_on(one.name), self.commands.not_opened)
                opened.callback(source.close)
                self._sources[one.name] = source
                logger.info("source %s: %s%s", one.name, one.recording or one.device, "" if source.listening else ", off")
            self._pipeline, self._seats = assembly.assemble(
                settings,
                model,
                list(self._sources.values()),
                Journalled(self.outbox, settings.journal),
                self._clock,
                self.boot,
                self._metrics,
            )
            self._watchdog = Watchdog(
                notifier or Notifier(),
                self.ears,
                lambda: self._metrics.windows,
                Trial(model),
                lambda: doing(self._seats, self._delivery.connected, len(self.outbox)),
            )
            self._keeper = _keeper(settings.seat.keep, model, self._seats)
            until_s = time.monotonic() + FIRST_TRY_S
            for source in self._sources.values():
                source.require_right_name(max(0.0, until_s - time.monotonic()))
            self._close = opened.pop_all()
        self._attend(model.contract.labels)
        self._health = threading.Thread(target=self._tell_health, name="health", daemon=True)
        told = fields(STARTED, boot=self.boot, model=model.contract.name)
        name, licence = model.contract.name, model.contract.licence
        logger.info("model %s, licence %s, sha256 %s", name, licence, model.sha256, extra=told)

    def _attend(self, labels: Sequence[str]) -> None:
        """To commands, to whoever knows that somebody else may sit there now, and to Home Assistant."""
        self._delivery.subscribe(f"affectd/{self._settings.node.name}/+/set", self.commands.received)
        if self._settings.seat.forget_topic:
            self._delivery.subscribe(self._settings.seat.forget_topic, self._forget)
        discovery.Discovery(self._settings, labels, self._delivery)

    def _metrics_server(self, model: Model) -> MetricsServer | None:
        """What Prometheus reads, where it is asked for. Raises SettingsError."""
        if not self._settings.metrics.enabled:
            return None
        try:
            from daemon.service.exposition import Exposition
            from daemon.service.metrics_server import MetricsServer
        except ImportError as trouble:
            raise SettingsError(
                f"[metrics] enabled needs {trouble.name}: type `pip install 'affectd[metrics]'`, or set enabled = false"
            ) from trouble
        rate_hz = model.contract.front_end.sample_rate_hz
        return MetricsServer(self._settings.metrics, Exposition(self.health, self._metrics, model.identity, rate_hz))

    def _forget(self, topic: str, _payload: bytes, retained: bool) -> None:
        # what was retained tells of a change before this start, or before the connection was lost
        for seat in () if retained else self._seats:
            if seat.acquaintance:
                seat.acquaintance.ask_to_forget(f"a message on {topic}")

    def __enter__(self) -> Service:
        self._delivery.start()
        self._health.start()
        if self._scraped:
            self._scraped.start()
        return self

    def run(self, stop: Stop) -> None:
        """Until every source has ended or `stop` is set. Raises RecordingError or ModelError."""
        self._pipeline.run(stop, self._watchdog.turned)

    def ears(self) -> list[Ear]:
        """How each source is, and how far: for the watchdog. Any thread."""
        return ears(self._seats)

    def __exit__(self, kind: type[BaseException] | None, trouble: BaseException | None, where: TracebackType | None) -> None:
        self._ended.set()
        self._wake.set()
        for source in self._sources.values():
            source.release()
        # first what was promised: a device may be slow to let go
        left = self._delivery.stop(self.farewell_s)
        if self._scraped:
            self._scraped.close()
        self.outbox.close()
        if left:
            told = "are lost" if self.outbox.in_memory else "wait on disk for the next start"
            logger.warning("%d events could not be delivered in %g s: they %s", left, self.farewell_s, told)
        if self._keeper:
            self._keeper.keep()
        self._close.close()

    def health(self) -> dict[str, Any]:
        """What /health says."""
        sources = {
            seat.source.name: {
                "heard_s": round(seat.now_sample / self._pipeline.sample_rate_hz, 1),
                "lost_samples": seat.lost_samples,
                "utterances": seat.n_utterances,
                "known_utterances": seat.n_known,
                "listening": seat.source.listening,
                **_device(seat.source),
            }
            for seat in self._seats
        }
        delivery = self._delivery.summary()
        outbox = {**self.outbox.summary(), "refused": delivery["refused"]}
        head = {"schema": "affectd/health/1", "node": self._settings.node.name, "boot": self.boot, "at": self._clock.at()}
        return {
            **head,
            "sources": sources,
            "outbox": outbox,
            "delivery": delivery,
            "inference": self._inference.as_dict(),
            **self.commands.summary(),
            **self._metrics.summary(),
        }

    def _changed(self) -> None:
        """Somebody waits for an answer: the loop has something to do, and /health something to say, now."""
        self._clock.ring()
        self._wake.set()

    def _tell_health(self) -> None:
        while not self._ended.is_set():
            self._wake.wait(HEALTH_EVERY_S)
            # who sends commands without end gets no health without end
            if self._ended.wait(LEAST_BETWEEN_S):
                return
            self._wake.clear()
            if self._delivery.connected:
                self.outbox.name_gaps()
            health = json.dumps(self.health(), separators=(",", ":"), allow_nan=False)
            self._delivery.publish_now(f"affectd/{self._settings.node.name}/health", health.encode())
            if self._keeper:
                self._keeper.keep_now_and_then(self._clock.now_ns())


def _device(source: AudioSource) -> dict[str, Any]:
    """What /health says of a source's device: nothing where it has none, or where that is switched off."""
    told = source.device()
    return {} if told is None else {"device": told}


def _keeper(keep: str, model: Model, seats: Sequence[Seat]) -> Keeper | None:
    """What keeps what the seats know, and has let them know what was kept. Raises SettingsError."""
    acquaintances = {seat.source.name: seat.acquaintance for seat in seats if seat.acquaintance}
    if not (keep and acquaintances):
        return None
    require_place(keep)
    keeper = Keeper(Path(keep), model.sha256, acquaintances)
    keeper.restore()
    return keeper
