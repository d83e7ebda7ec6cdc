"""What can be wrong with a model; each holds the facts, and its text says what to do."""


class ModelError(Exception):
    """A model that cannot be used. One line: which, what is wrong, what to do."""


class UnknownModel(ModelError):
    """No artefact of that name, and no such file."""


class ContractMismatch(ModelError):
    """The file promises something else than it holds, or is asked for something it does not promise."""


class HashMismatch(ModelError):
    """The file is not the one whose sha256 was written down."""
