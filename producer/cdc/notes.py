"""What a PostgreSQL table and its connection lack, in words for the person who can mend it."""

from collections.abc import Iterator

from producer.cdc import credentials
from producer.cdc.postgres import PostgresTable


def notes_of(table: PostgresTable, parameters: dict[str, str], hosts: list[str]) -> Iterator[str]:
    """What to say before the first poll.

    Args:
        table: after its first view.
        parameters: of the connection.
        hosts: that the connection may go to.
    """
    mapping, relation = table.mapping, table.relation
    at, row_id = mapping.updated_at, mapping.id
    mode = parameters.get("sslmode")
    if credentials.is_local(hosts):
        yield "The connection does not leave this machine: TLS is used only if the server offers it"
    elif mode != credentials.VERIFIED:
        yield f"sslmode={mode} encrypts, but does not verify whom it speaks to; leave it out"
    if relation is not None and not relation.indexed:
        yield (
            f"No index has the order ({at}, {row_id}): every poll reads the whole table. "
            f"CREATE INDEX CONCURRENTLY ON {mapping.table} ({at}, {row_id})"
        )
    if relation is not None and relation.unreached:
        yield (
            f"Rows of {mapping.table} have no {at}, or an infinite one: they are never read. "
            f"ALTER TABLE {mapping.table} ALTER {at} SET DEFAULT now(), ALTER {at} SET NOT NULL"
        )
    if table.standby:
        yield (
            "The server is a standby: rows arrive when it has replayed them, and it does not say when "
            "the primary's transactions began"
        )
