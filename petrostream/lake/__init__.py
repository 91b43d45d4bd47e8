"""Rows of the lake's tables as NDJSON blocks of one date, one module a table, named as its schema.

Sizes fit one Firehose entry. Must not know how a block is delivered, nor decide what a row says.
"""

__all__ = []
