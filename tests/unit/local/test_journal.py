"""A crash of the emulator at any moment: what it acknowledged is there again, and no reader skips any."""

import base64
import json
import sqlite3
from collections import defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ministack.core.responses import AccountRegionScopedDict
from ministack.services import dynamodb, kinesis

from local import adaptations
from local.adaptations import stream_journal, table_journal
from local.adaptations.journal import Journal
from local.adaptations.kinesis import Increasing, expire
from local.adaptations.stream_journal import Places, forget, journaled

STREAM = "ingest"


@pytest.fixture(autouse=True)
def _emulator(monkeypatch):
    """An emulator with one stream of two shards, and with nothing of the other tests."""
    adaptations.install()
    monkeypatch.setattr(kinesis, "_streams", AccountRegionScopedDict())
    monkeypatch.setattr(dynamodb, "_tables", AccountRegionScopedDict())
    kinesis._create_stream({"StreamName": STREAM, "ShardCount": 2})
    stream()["StreamStatus"] = "ACTIVE"


def stream():
    return kinesis._streams[STREAM]


def original(name):
    function = getattr(kinesis, name)
    return getattr(function, "original", function)


def put(journal, *keys):
    entries = [{"PartitionKey": key, "Data": base64.b64encode(key.encode()).decode()} for key in keys]
    call = journaled(original("_put_records"), kinesis, journal)
    status, _, body = call({"StreamName": STREAM, "Records": entries})
    return status, json.loads(body)


def crash(snapshot=None):
    """What the emulator knows of the stream after a crash: its last snapshot."""
    for shard_id, shard in stream()["shards"].items():
        shard["records"] = list((snapshot or {}).get(shard_id, []))


def contents():
    return {shard_id: list(shard["records"]) for shard_id, shard in stream()["shards"].items()}


def arn():
    return stream()["StreamARN"]


def test_acknowledged_records_are_there_after_a_crash_as_they_were(tmp_path):
    journal = Journal(tmp_path / "journal.db")
    status, answer = put(journal, "A", "B", "C", "D")
    journaled(original("_put_record"), kinesis, journal)(
        {"StreamName": STREAM, "PartitionKey": "E", "Data": base64.b64encode(b"e").decode()}
    )
    before = contents()
    crash()
    again = Journal(tmp_path / "journal.db")
    assert stream_journal.restore(kinesis, {}, again) == (5, 0)
    assert status == 200
    assert {entry["SequenceNumber"] for entry in answer["Records"]} < {
        record["SequenceNumber"] for records in contents().values() for record in records
    }
    assert contents() == before


def test_a_reader_goes_on_at_its_place(tmp_path):
    journal = Journal(tmp_path / "journal.db")
    put(journal, *"ABCDEFGH")
    first, second = contents()
    indices = {first: 2, second: 0}
    Places(journal).note(stream(), {"m": indices})
    crash()
    restored = {"m": (arn(), {})}
    total, waiting = stream_journal.restore(kinesis, restored, Journal(tmp_path / "journal.db"))
    assert (total, waiting) == (8, 6)
    assert restored["m"][1] == indices


def test_a_reader_of_which_nothing_is_known_is_left_to_the_emulator(tmp_path):
    journal = Journal(tmp_path / "journal.db")
    put(journal, *"ABC")
    restored = {"m": (arn(), {}), "other": ("arn:aws:kinesis:us-east-1:000000000000:stream/other", {"s": 4})}
    assert stream_journal.restore(kinesis, restored, journal) == (3, 3)
    assert restored["m"][1] == {}
    assert restored["other"][1] == {"s": 4}


def test_records_of_a_snapshot_older_than_the_journal_are_taken_over(tmp_path):
    original("_put_records")(
        {"StreamName": STREAM, "Records": [{"PartitionKey": key, "Data": "eA=="} for key in "ABCDEF"]}
    )
    snapshot = contents()
    first, second = snapshot
    indices = {first: len(snapshot[first]), second: 1}
    journal = Journal(tmp_path / "journal.db")
    restored = {"m": (arn(), dict(indices))}
    stream_journal.restore(kinesis, restored, journal)
    put(journal, "G", "H")
    before = contents()
    crash()
    stream_journal.restore(kinesis, {}, Journal(tmp_path / "journal.db"))
    assert restored["m"][1] == indices
    assert contents() == before


def test_a_stream_created_again_begins_empty(tmp_path):
    journal = Journal(tmp_path / "journal.db")
    put(journal, *"ABC")
    kinesis._streams.pop(STREAM)
    kinesis._create_stream({"StreamName": STREAM, "ShardCount": 2})
    assert stream_journal.restore(kinesis, {}, journal) == (0, 0)


def test_records_of_a_shard_that_is_not_known_go_to_another(tmp_path):
    journal = Journal(tmp_path / "journal.db")
    put(journal, *"ABC")
    journal.write([("UPDATE record SET shard = 'shardId-000000000099'", ())])
    crash()
    assert stream_journal.restore(kinesis, {}, journal) == (3, 0)
    keys = {record["PartitionKey"] for records in contents().values() for record in records}
    assert keys == set("ABC")


def test_a_record_that_cannot_be_written_is_not_acknowledged(tmp_path):
    journal = Journal(tmp_path / "journal.db")
    journal.write([("DROP TABLE record", ())])
    status, answer = put(journal, "A")
    assert (status, answer["__type"]) == (500, "InternalFailure")


def test_a_refused_call_is_answered_as_the_emulator_does(tmp_path):
    call = journaled(original("_put_records"), kinesis, Journal(tmp_path / "journal.db"))
    assert call({"StreamName": "nowhere", "Records": []})[0] == 400


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.lists(st.sampled_from("ABCDEFGH"), min_size=1, max_size=4)),
        st.tuples(st.just("read"), st.integers(1, 3)),
        st.tuples(st.just("expire"), st.integers(1, 3)),
        st.tuples(st.just("crash"), st.booleans()),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_whatever_happens_a_reader_sees_every_record_in_order(tmp_path_factory, steps):
    """`expire` deletes what was read; a crash may come before a place is noted: then records come again."""
    kinesis._streams.pop(STREAM)
    kinesis._create_stream({"StreamName": STREAM, "ShardCount": 2})
    path = tmp_path_factory.mktemp("steps") / "journal.db"
    journal = Journal(path)
    places, indices = Places(journal), dict.fromkeys(stream()["shards"], 0)
    places.note(stream(), {"m": indices})
    sent, seen = defaultdict(list), defaultdict(list)
    for step, value in steps:
        if step == "put":
            stream()["StreamStatus"] = "ACTIVE"
            for entry in put(journal, *value)[1]["Records"]:
                sent[entry["ShardId"]].append(entry["SequenceNumber"])
        elif step == "read":
            for shard_id, shard in stream()["shards"].items():
                taken = shard["records"][indices[shard_id] : indices[shard_id] + value]
                seen[shard_id] += [record["SequenceNumber"] for record in taken]
                indices[shard_id] += len(taken)
            places.note(stream(), {"m": indices})
        elif step == "expire":
            aged = [shard["records"][: min(value, indices[i])] for i, shard in stream()["shards"].items()]
            for records in aged:
                for record in records:
                    record["ApproximateArrivalTimestamp"] = 1.0
                    journal.write(
                        [("UPDATE record SET arrival = 1 WHERE sequence = ?", (record["SequenceNumber"],))]
                    )
            expire(stream(), [indices], before=2.0)
            forget(journal, arn(), before=2.0)
        else:
            crash()
            journal = Journal(path)
            restored = {"m": (arn(), {} if value else dict(indices))}
            stream_journal.restore(kinesis, restored, journal)
            places, indices = Places(journal), restored["m"][1]
            places.note(stream(), {"m": indices})
    for shard_id, shard in stream()["shards"].items():
        seen[shard_id] += [record["SequenceNumber"] for record in shard["records"][indices[shard_id] :]]
    assert {shard: seen[shard] for shard in sent} == dict(sent)


def test_sequence_numbers_go_on_after_the_newest_of_the_journal(tmp_path):
    journal = Journal(tmp_path / "journal.db")
    assert stream_journal.newest(journal) == 0
    put(journal, *"AB")
    newest = max(int(r["SequenceNumber"]) for records in contents().values() for r in records)
    assert stream_journal.newest(journal) == newest
    numbers = Increasing(lambda: "0000000001")
    numbers.after(41)
    assert numbers() == "0000000042"


def table(name="live"):
    schema = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
    types = [{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")]
    dynamodb._create_table(
        {
            "TableName": name,
            "KeySchema": schema,
            "AttributeDefinitions": types,
            "BillingMode": "PAY_PER_REQUEST",
        }
    )
    return dynamodb._tables[name]


def item(pk, sk, **more):
    return {"pk": {"S": pk}, "sk": {"S": sk}, **more}


def test_items_are_there_after_a_crash_with_every_change(tmp_path):
    found, untouched = table(), table("other")
    found["items"]["old"]["x"] = item("old", "x")
    journal = Journal(tmp_path / "journal.db")
    tables = table_journal.TableJournal(journal)
    for pk, sk, value in [
        ("a", "1", item("a", "1", n={"N": "1"})),
        ("a", "2", item("a", "2", b={"B": "AAECAw=="})),
        ("a", "1", item("a", "1", n={"N": "2"})),
        ("b", "1", item("b", "1")),
    ]:
        found["items"][pk][sk] = value
        tables.changed(found, pk, sk, value)
    del found["items"]["b"]
    tables.changed(found, "b", "1", None)
    tables.flush()
    expected = {pk: dict(items) for pk, items in found["items"].items()}
    # The snapshot is older: it lacks what was written, and has what was removed.
    found["items"] = defaultdict(dict, {"b": {"1": item("b", "1")}})
    untouched["items"]["k"]["1"] = item("k", "1")
    assert table_journal.recover(Journal(tmp_path / "journal.db")) == 3
    assert found["items"] == expected
    assert found["ItemCount"] == 3
    assert untouched["items"] == {"k": {"1": item("k", "1")}}


def test_replaced_items_replace_those_of_the_journal(tmp_path):
    found = table()
    journal = Journal(tmp_path / "journal.db")
    tables = table_journal.TableJournal(journal)
    found["items"]["a"]["1"] = item("a", "1")
    tables.changed(found, "a", "1", item("a", "1"))
    found["items"] = defaultdict(dict, {"c": {"1": item("c", "1")}})
    tables.replaced(found)
    tables.flush()
    table_journal.recover(journal)
    assert found["items"] == {"c": {"1": item("c", "1")}}


def test_a_table_created_again_does_not_get_the_items_of_the_one_before(tmp_path):
    journal = Journal(tmp_path / "journal.db")
    tables = table_journal.TableJournal(journal)
    tables.changed(table(), "a", "1", item("a", "1"))
    tables.flush()
    dynamodb._tables.pop("live")
    again = table()
    assert table_journal.recover(journal) == 0
    assert again["items"] == {}


def test_changes_that_could_not_be_written_are_written_later(tmp_path):
    journal = Journal(tmp_path / "journal.db")
    tables = table_journal.TableJournal(journal)
    found = table()
    found["items"]["a"]["1"] = item("a", "1")
    tables.changed(found, "a", "1", item("a", "1"))
    journal.write([("ALTER TABLE item RENAME TO gone", ())])
    with pytest.raises(sqlite3.Error):
        tables.flush()
    journal.write([("ALTER TABLE gone RENAME TO item", ())])
    tables.flush()
    assert table_journal.recover(journal) == 1


def test_a_proper_stop_is_told_from_a_crash(tmp_path):
    path = tmp_path / "journal.db"
    first = Journal(path)
    assert first.clean
    assert not Journal(path).clean
    third = Journal(path)
    third.close()
    assert Journal(path).clean


def test_a_journal_that_is_no_database_is_set_aside_and_said(tmp_path):
    path = tmp_path / "journal.db"
    path.write_bytes(b"not a database, but long enough to be taken for one" * 40)
    journal = Journal(path)
    assert journal.damaged is not None
    assert journal.damaged.read_bytes().startswith(b"not a database")
    found = adaptations.recover(journal)
    assert (found.clean, found.records, found.damaged) == (False, 0, str(journal.damaged))
    assert journal.ready.is_set()


def test_a_journal_that_is_gone_is_told_from_a_first_start(tmp_path):
    assert Journal(tmp_path / "first.db").clean
    gone = Journal(tmp_path / "gone.db", expected=True)
    assert (gone.clean, gone.lost) == (False, True)
    there = Journal(tmp_path / "first.db", expected=True)
    assert not there.lost


def test_the_last_arrival_shows_how_far_the_journal_goes(tmp_path):
    journal = Journal(tmp_path / "journal.db")
    assert stream_journal.last_arrival(journal) == 0.0
    put(journal, *"ABC")
    newest = max(r["ApproximateArrivalTimestamp"] for records in contents().values() for r in records)
    assert stream_journal.last_arrival(journal) == newest


def test_a_journal_damaged_in_the_middle_is_set_aside(tmp_path):
    path = tmp_path / "journal.db"
    journal = Journal(path)
    put(journal, *"ABCDEFGH")
    journal.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(16384)
        file.write(b"\xff" * (size - 16384))
    crash()
    found = adaptations.recover(Journal(path))
    assert (found.clean, found.records) == (False, 0)
    assert found.damaged is not None
