"""Measures what the documentation claims: `python -m bench` writes a table into bench/results/."""
