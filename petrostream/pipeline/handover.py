"""Hands a shard over: stores what this process knows, so that whoever reads on has nothing to read again."""

from petrostream.pipeline.ports import Ports


def hand_over(shard_id: str, ports: Ports) -> None:
    """Write snapshots of all facilities of a shard that this process owns, and note its place.

    Without it nothing would be lost: the next owner would read again what the snapshots lack.

    Args:
        shard_id: the shard.
        ports: the services.

    Raises:
        ShardClaimed, StateConflict: another process owns it by now.
        ServiceUnavailable: the table did not respond in time.
    """
    memories = ports.memories
    shard = memories.owned(shard_id)
    if shard is None:
        return
    memories.commit(shard, shard.behind(), ports.now_ms())
    if shard.done is not None:
        memories.note(shard, shard.done)
    memories.forget(shard_id)
