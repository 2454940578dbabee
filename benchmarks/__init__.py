"""Peers side by side in one run: `python -m benchmarks.NAME [--quick] [--json FILE]`."""
