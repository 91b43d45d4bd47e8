"""Connections to PostgreSQL are verified: whom they speak to, and that nobody listens."""

from pathlib import Path

import psycopg
import pytest

from producer.cdc import credentials
from producer.cdc.credentials import URL, postgres_parameters
from producer.cdc.errors import SourceLost
from producer.cdc.mapping import Mapping
from producer.cdc.postgres import PostgresTable
from tests.support.postgres import needs_debian, postgres_with_tls

pytestmark = needs_debian


@pytest.fixture(scope="module")
def server():
    with postgres_with_tls() as found:
        yield found


@pytest.fixture
def remote(monkeypatch):
    """Take the loopback address for another machine: that it is none is what switches verification off."""
    monkeypatch.setattr(credentials, "LOOPBACK", frozenset())


def connection(server, host="localhost", **variables):
    """How the server sees a connection of the poller's; raises as the poller would."""
    environment = {URL: f"postgresql://postgres@{host}:{server.port}/postgres"} | variables
    parameters = postgres_parameters(None, environment)
    if "PGSSLROOTCERT" in environment:
        parameters["sslrootcert"] = environment["PGSSLROOTCERT"]
    columns = {"well_id": "usename", "ts": "backend_start"}
    mapping = Mapping(Path("map.toml"), "postgresql", "readings", "updated_at", "id", columns)
    table = PostgresTable(mapping, lambda: parameters)
    try:
        with psycopg.connect(**parameters) as one:
            return one.execute("SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()
    except psycopg.OperationalError:
        with table.view():
            pytest.fail("the poller's own connection is let in")
    finally:
        table.close()


def test_a_server_with_the_right_name_and_authority_is_spoken_to_by_tls(server, remote):
    assert connection(server, PGSSLROOTCERT=str(server.authority)) == (True, "TLSv1.3")


def test_a_server_of_another_authority_is_refused(server, remote):
    with pytest.raises(SourceLost, match="certificate verify failed"):
        connection(server, PGSSLROOTCERT=str(server.stranger))


def test_a_server_of_another_name_is_refused(server, remote):
    with pytest.raises(SourceLost, match="does not match host name"):
        connection(server, "127.0.0.1", PGSSLROOTCERT=str(server.authority))


def test_on_this_machine_tls_is_used_because_the_server_offers_it(server):
    assert connection(server)[0] is True
