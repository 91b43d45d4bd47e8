"""One batch of stream records: score, deliver, commit, publish. Nothing is lost and nothing is duplicated.

What it needs from outside is defined as protocols in `pipeline/ports.py`. Must not know any service, client
or front door.
"""

from petrostream.pipeline.advance import run_again
from petrostream.pipeline.batch import Outcome, StreamRecord, Tally
from petrostream.pipeline.fitting import fitted
from petrostream.pipeline.handover import hand_over
from petrostream.pipeline.leases import LEASE_MS, RENEW_MS, Fetched, Lease, Shard, plan
from petrostream.pipeline.memories import Memories
from petrostream.pipeline.memory import PARTS, Memory, decode_parts, encode_parts
from petrostream.pipeline.places import ShardPlace, Stretch
from petrostream.pipeline.ports import Alerts, Models, Outputs, Ports, Sink
from petrostream.pipeline.process import process_batch
from petrostream.pipeline.takeover import Muted, own

__all__ = [
    "LEASE_MS",
    "PARTS",
    "RENEW_MS",
    "Alerts",
    "Fetched",
    "Lease",
    "Memories",
    "Memory",
    "Models",
    "Muted",
    "Outcome",
    "Outputs",
    "Ports",
    "Shard",
    "ShardPlace",
    "Sink",
    "StreamRecord",
    "Stretch",
    "Tally",
    "decode_parts",
    "encode_parts",
    "fitted",
    "hand_over",
    "own",
    "plan",
    "process_batch",
    "run_again",
]
