"""Training and judging AffectNet: whole utterances, two branches, and a seat that may have heard its speaker before."""
