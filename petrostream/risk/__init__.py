"""Rules of physics, emission and vapor as rows of one table, and their points.

Thresholds are constants of `risk/conditions.py`; points and sources are rows of `risk/rules.py`. Must not
know alarms, tables or how often it is called.
"""

__all__ = []
