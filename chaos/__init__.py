"""Chaos: what happens on shared machines, done to a study on purpose and counted; `make chaos`, or python -m chaos."""
