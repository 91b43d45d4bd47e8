"""Change data capture: polls a table of an operator's historian and puts its rows on the ingest stream.

`petrostream cdc` is the front door (`producer.cdc.cli`). `poll` decides which rows are read, and never loses
one (docs/adr/0017-late-commits.md); `postgres`, `sql` and `csvfile` are places to read from; `convert` makes
readings of rows; `sink` sends them and returns when Kinesis has taken them all; `state` remembers how far
that went.
"""
