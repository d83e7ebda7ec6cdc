"""What a model is: its contract, its file, and how it is asked."""
