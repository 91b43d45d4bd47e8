"""The poll of a standby: its snapshots list no open transactions, and late commits are found all the same."""

import time

import psycopg
import pytest

from producer.cdc.notes import notes_of
from producer.cdc.postgres import PostgresTable
from tests.contract.test_cdc_postgres import Historian, make, wait_for
from tests.support.postgres import needs_debian, postgres_with_standby

pytestmark = needs_debian


@pytest.fixture(scope="module")
def servers():
    with postgres_with_standby() as found:
        yield found


class OnStandby(Historian):
    """Written to on the primary, polled on the standby."""

    def table(self):
        parameters = psycopg.conninfo.conninfo_to_dict(self.server.standby)
        return PostgresTable(self.mapping, lambda: parameters)

    def poll(self, **options):
        wait_for(self.server.replayed)
        return super().poll(**options)


def test_a_late_commit_of_the_primary_is_found_on_the_standby(servers, tmp_path):
    historian = make(servers, tmp_path, kind=OnStandby)
    with servers.connect() as slow:
        historian.insert(slow)
        with slow.transaction():
            historian.insert(slow)
        time.sleep(0.02)
        for _ in range(3):
            historian.insert()
            historian.poll()
        # What is newer than an open transaction is sent again by each new process.
        assert historian.readings.total() == 3 + 2 + 1
        assert len(historian.readings) == 3
        slow.commit()
    historian.poll()
    assert len(historian.readings) == historian.written == 5


def test_a_standby_is_named(servers, tmp_path):
    historian = make(servers, tmp_path, kind=OnStandby)
    wait_for(servers.replayed)
    table = historian.table()
    with table.view():
        pass
    assert any("is a standby" in note for note in notes_of(table, {}, []))
    table.close()
