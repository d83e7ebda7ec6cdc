"""What was committed, in order and on disk, until the broker has it."""

from daemon.delivery.outbox.letter import Letter as Letter
from daemon.delivery.outbox.letter import as_letter as as_letter
from daemon.delivery.outbox.outbox import Outbox as Outbox
