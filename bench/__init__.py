"""Benchmarks: what one core gives, application and database together.

Run with `python -m bench` (or `make bench`); the protocol is in `bench/results/README.md`.
"""
