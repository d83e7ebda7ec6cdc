"""The way to the broker: connections, what goes over them, and who is let in."""

from daemon.delivery.mqtt.delivery import MqttDelivery as MqttDelivery
from daemon.delivery.mqtt.delivery import Pace as Pace
