"""What each gauge shows over time: window statistics, trends, and whether the gauge can be trusted.

Pure functions of values, times and what was remembered. Must not know models, rules or alarms.
"""

__all__ = []
