"""The demonstration: a private broker, the service, and a real subscriber, with a recording where there is no microphone."""
