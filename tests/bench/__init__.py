"""`make bench`: CoachKit measured side by side with what else one would pick, into `docs/benchmarks.md`.

Nothing here is a promise that a test checks by the clock: a machine that others use would break it.
"""
