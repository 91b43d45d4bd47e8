"""The present: latest status of wells and facilities, open alarms, alerts to publish, keys of the live table.

Every key and item of the table is made in `live/items.py`. Must not know DynamoDB's client or SNS. State as
bytes: `live.codec`.
"""

__all__ = []
