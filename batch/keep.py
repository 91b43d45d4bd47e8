"""The job `keep`: what is done once after the days of a run, which are treated side by side.

Days before them to which readings have come late, the months of gold, the views that know which days are in
gold, and runs whose days of grace are over.
"""

from dataclasses import replace

from batch.compact import compact
from batch.gold import Gold
from batch.jobs import JobContext, JobRequest, JobResult


def run(context: JobContext, request: JobRequest) -> JobResult:
    """Put gold in order; without anything to do nothing changes."""
    found = compact(Gold(context), JobRequest("compact"))
    return replace(found, job=request.job)
