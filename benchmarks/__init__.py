"""One file a question; each runs the code that ships. `python -m benchmarks NAME`."""
