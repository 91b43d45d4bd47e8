"""Lines of the containers: tasks, load balancer, public addresses, images, logs, metrics, alarms."""

from collections.abc import Iterator
from fractions import Fraction

from cost import figures as f
from cost.flow import Flow
from cost.lines import SERVICES, LineItem

UNITS = 1024
"""CPU units of a vCPU, and MB of a GB."""


def services(flow: Flow) -> Iterator[LineItem]:
    """The services of the settings; with `fargate` those that they would have, behind a load balancer."""
    if not flow.containers:
        return
    hours = Fraction(f.MONTH_HOURS)
    built = flow.settings.services
    tasks = sum(one.least_tasks for one in flow.containers)
    yield from _tasks(flow)
    addresses = Fraction(tasks)
    if flow.workload.fargate or built.access.allowed_cidrs:
        addresses += built.zones
        yield LineItem(SERVICES, "Load balancer", "load balancer", "alb.hour", hours, fixed=True)
        yield LineItem(SERVICES, "Load balancer", "capacity units", "alb.lcu_hour", hours * f.LCU, fixed=True)
    what = f"public addresses: {addresses}"
    yield LineItem(SERVICES, "VPC", what, "vpc.public_ipv4_hour", hours * addresses, fixed=True)
    images = f.IMAGE_GB * len(flow.containers) * f.IMAGES_KEPT
    yield LineItem(SERVICES, "ECR", "container images", "ecr.gb", images, fixed=True)
    logged = tasks * f.TASK_LOG_BYTES * hours * 60 / f.GB
    yield LineItem(SERVICES, "CloudWatch", "logs of tasks", "logs.ingest_gb", logged, fixed=True)
    alarms = len(flow.containers) * (1 + f.SCALING_ALARMS) + flow.service_reads
    yield LineItem(
        SERVICES, "CloudWatch", f"alarms of tasks: {alarms}", "cloudwatch.alarm", Fraction(alarms), fixed=True
    )
    if flow.service_reads:
        metrics = Fraction(f.SERVICE_METRICS)
        what = f"custom metrics of the service: {f.SERVICE_METRICS}"
        yield LineItem(SERVICES, "CloudWatch", what, "cloudwatch.metric", metrics, fixed=True)


def _tasks(flow: Flow) -> Iterator[LineItem]:
    spare = "spot_" if flow.settings.services.capacity == "FARGATE_SPOT" else ""
    price = f"fargate.{spare}{flow.settings.runtime.architecture}"
    for one in flow.containers:
        hours = Fraction(f.MONTH_HOURS * one.least_tasks)
        vcpu, gb = Fraction(one.cpu, UNITS), Fraction(one.memory_mb, UNITS)
        for what, key, quantity in (
            (f"{one.service}: {float(vcpu):g} vCPU", f"{price}_vcpu_hour", hours * vcpu),
            (f"{one.service}: {float(gb):g} GB", f"{price}_gb_hour", hours * gb),
        ):
            yield LineItem(SERVICES, "Fargate", what, key, quantity, fixed=True)
