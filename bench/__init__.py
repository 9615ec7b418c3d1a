"""Benchmarks: Liftlock beside the floor and beside its peers, in one run, as ratios. Never a timed test."""
