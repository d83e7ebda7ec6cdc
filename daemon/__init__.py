"""The service: from a microphone to events over MQTT."""
