"""Benchmarks: `python -m benchmarks` measures the package beside what one would write by hand."""
