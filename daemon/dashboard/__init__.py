"""The page: a process of its own, and a subscriber like any other. Nothing of it runs in the service."""
