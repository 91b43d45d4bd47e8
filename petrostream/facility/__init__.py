"""Wells meet tanks: the join within 5 s, and the emission, vapor and process risk of a facility.

A function of the shard's order, not of batches. Must not know the lake's rows. State as bytes:
`facility.codec`.
"""

__all__ = []
