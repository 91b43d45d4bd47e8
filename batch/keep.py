"""The job `keep`: what is done once after the days of a run, which are treated side by side.

The months of gold, the views that know which days are in gold, and runs whose days of grace are over.
"""

from batch.compact import keep_order
from batch.gold import WELL_DATA, Gold
from batch.jobs import JobContext, JobRequest, JobResult
from petrostream.schema import schema


def run(context: JobContext, request: JobRequest) -> JobResult:
    """Put gold in order; without anything to do nothing changes."""
    gold = Gold(context)
    dates = gold.bucket.dates(str(schema(WELL_DATA.source).prefix))
    return JobResult(request.job, details=keep_order(gold, dates, whole=True, views=True))
