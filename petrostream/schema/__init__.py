"""What the records, tables and sensors are: columns, types, units, bounds, zones.

The ground of the domain: one JSON file a record or table, and typed access to them. Must not know what is
done with a column, by the code or by a service.
"""

__all__ = []
