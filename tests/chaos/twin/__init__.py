"""Faults of real processes and disks: a twin of its own, a producer, a replay, and what SQL says afterwards.

Time is real here, and so are the processes: what `tests.chaos` does on a simulated clock to calls, this does
to the emulator, its functions, the producer and the disk. Every trial has wells and facilities of its own, on
one lake.
"""
