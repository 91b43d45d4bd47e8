"""Section `spark` of `infra/settings.json`: the Spark application for backfills of months."""

from typing import Annotated

from pydantic import Field, model_validator

from infra.section import Name, Section

LEAST_GB_PER_VCPU, MOST_GB_PER_VCPU = 2, 8
"""Memory that a worker of EMR Serverless has for each vCPU (user guide, "Worker configurations")."""

WORKER_VCPU, WORKER_DISK_GB = 4, 20
"""Size of a worker where a job names none, and the least disk that any has (the same page)."""


class SparkSettings(Section):
    """An application of EMR Serverless, which costs nothing while no job runs.

    Attributes:
        enabled: whether it is there.
        name: name of the application, of the role of its jobs, and of its log group.
        release: release label; the job needs Spark 4.
        idle_minutes: how long after the last job it stops.
        max_vcpu: most vCPUs of all workers together; so are memory and disk.
        max_memory_gb: their memory.
        max_disk_gb: their disk.
    """

    enabled: bool
    name: Name
    release: Annotated[str, Field(pattern=r"^emr-spark-[0-9]+(\.[0-9]+){2}$")]
    idle_minutes: Annotated[int, Field(ge=1, le=10_080)]
    max_vcpu: Annotated[int, Field(ge=2 * WORKER_VCPU, le=4000)]
    max_memory_gb: Annotated[int, Field(ge=1, le=32_000)]
    max_disk_gb: Annotated[int, Field(ge=1, le=1_000_000)]

    @model_validator(mode="after")
    def _every_vcpu_can_be_used(self) -> "SparkSettings":
        least, most = LEAST_GB_PER_VCPU * self.max_vcpu, MOST_GB_PER_VCPU * self.max_vcpu
        if not least <= self.max_memory_gb <= most:
            raise ValueError(
                f"max_memory_gb must be {least} to {most} with max_vcpu {self.max_vcpu}: a worker has "
                f"{LEAST_GB_PER_VCPU} to {MOST_GB_PER_VCPU} GB for each vCPU"
            )
        disk = WORKER_DISK_GB * self.max_vcpu // WORKER_VCPU
        if self.max_disk_gb < disk:
            raise ValueError(
                f"max_disk_gb must be at least {disk} with max_vcpu {self.max_vcpu}: a worker of "
                f"{WORKER_VCPU} vCPUs has {WORKER_DISK_GB} GB of disk or more"
            )
        return self
