"""How events leave: committed to the outbox, published, deleted when the broker has them."""
