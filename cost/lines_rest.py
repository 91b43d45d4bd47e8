"""Lines besides the Lambda path: operations alarms and dashboard, queries, key."""

from collections.abc import Iterator
from fractions import Fraction

from cost import figures as f
from cost.flow import Flow
from cost.lines import ASKING, WATCHING, LineItem


def watching(flow: Flow) -> Iterator[LineItem]:
    """Operations alarms, the dashboard, and a customer-managed key if enabled. Notifying budgets are free."""
    alarms, dashboards = Fraction(f.ALARM_METRICS), Fraction(f.DASHBOARDS)
    what = f"alarms: {f.ALARMS} on {f.ALARM_METRICS} metrics"
    yield LineItem(WATCHING, "CloudWatch", what, "cloudwatch.alarm", alarms, fixed=True)
    yield LineItem(WATCHING, "CloudWatch", "dashboard", "cloudwatch.dashboard", dashboards, fixed=True)
    if flow.workload.customer_key:
        yield LineItem(WATCHING, "KMS", "customer-managed key", "kms.key", Fraction(1), fixed=True)


def asking(flow: Flow) -> Iterator[LineItem]:
    """Athena queries over one day of readings each, and their requests to S3."""
    queries = flow.workload.queries_per_day * Fraction(f.MONTH_HOURS, 24) if flow.facilities else Fraction(0)
    day = flow.seconds * 24 / f.MONTH_HOURS
    size = flow.readings * f.CURATED_STORED_BYTES * day * f.QUERY_SHARE
    scanned = queries * max(size, Fraction(f.QUERY_MIN_BYTES)) / f.TB
    what = f"{flow.workload.queries_per_day} queries a day, a day of readings each"
    yield LineItem(ASKING, "Athena", what, "athena.tb", scanned)
    objects = f.QUERIES_OF_TODAY * flow.curated_objects * day + (1 - f.QUERIES_OF_TODAY)
    gets = queries * objects * f.GETS_PER_OBJECT
    yield LineItem(ASKING, "S3", "reads by queries", "s3.get", gets)
