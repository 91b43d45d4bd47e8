"""An hour of readings on the twin, and whether anything grows: `make soak`, or `python -m tests.soak --help`.

`course` makes readings, `gauges` reads what may grow, `slopes` decides whether it did, `soak` runs and
reckons, `page` shows it. A slice of a few seconds is among the end-to-end tests.
"""
