"""One file a network, in torch. Nothing here is needed at run time."""
