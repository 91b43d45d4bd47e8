"""The HTTP API of the scoring service: score readings on demand, read the fleet, act on alarms.

A front door beside the stream's: it scores with the same functions and the same models, and writes nothing
but operators' actions. docs/reference/api.md describes it.
"""
