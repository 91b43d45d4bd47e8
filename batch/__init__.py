"""Jobs over stored data: what runs over the lake's files by day, not over the stream.

Each job is one module with a function `run(context, request)`, named in `JOBS`. Two doors lead to it: the
command line (`python -m batch <job>`) and the function `lambdas/batch`. Must not know who calls a job: what
it needs of its surroundings is in `JobContext`.
"""

from batch.jobs import JOBS, BatchSettings, Job, JobContext, JobRequest, JobResult, RequestInvalid, run_job

__all__ = [
    "JOBS",
    "BatchSettings",
    "Job",
    "JobContext",
    "JobRequest",
    "JobResult",
    "RequestInvalid",
    "run_job",
]
