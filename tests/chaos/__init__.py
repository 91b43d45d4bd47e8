"""Faults on purpose: nothing that the stream accepted is lost or doubled, whatever fails.

`python -m tests.chaos` runs trials. A trial replays a small fleet through the real code, from the producer's
writer to the views, on services in memory that follow AWS's documented behaviour, while faults strike on a
simulated clock. It then asks the views in SQL, and the live table, what became of every reading. All of it
follows from one seed.
"""
