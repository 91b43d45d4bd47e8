"""What is left of the services in an account, and what it costs."""

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from cost.figures import GB, MONTH_HOURS
from cost.lines_services import UNITS
from cost.prices import load_prices
from deploy.names import Names
from infra.settings_services import ContainerSettings

Ask = Callable[[str, str, Mapping[str, Any]], Mapping[str, Any] | None]
"""Returns a service's answer, or None if what it is asked for does not exist."""

Left = tuple[str, str, Fraction]
"""ARN, kind and dollars a month of a resource."""


def services(names: Names, ask: Ask) -> Iterator[Left]:
    """What there is of the services, by their names; nothing is asked where the settings have none."""
    if not names.settings.services.enabled:
        return
    yield from _cluster(names, ask)
    for container in names.containers:
        yield from _images(names, container.repository, ask)
    yield from _balancer(names, ask)
    yield from _addresses(names, ask)


def prefixes(names: Names) -> tuple[str, ...]:
    """What the ARNs of resources begin with that `services` would find if they existed."""
    settings = names.settings.services
    if not settings.enabled:
        return ()
    found = [names.arn("ecs", f"cluster/{settings.name}"), names.arn("ecs", f"service/{settings.name}/")]
    found.append(names.arn("elasticloadbalancing", f"loadbalancer/app/{settings.name}/"))
    found += [names.arn("ecr", f"repository/{one.repository}") for one in names.containers]
    return tuple(found)


def _hourly(key: str, count: Fraction) -> Fraction:
    return load_prices()[key].of(count * MONTH_HOURS)


def _cluster(names: Names, ask: Ask) -> Iterator[Left]:
    cluster = names.settings.services.name
    answer = ask("ecs", "describe_clusters", {"clusters": [cluster]}) or {}
    # A cluster that was deleted is shown as inactive for some time.
    if not any(row["status"] != "INACTIVE" for row in answer.get("clusters", [])):
        return
    yield names.arn("ecs", f"cluster/{cluster}"), "cluster", Fraction(0)
    wanted = {"cluster": cluster, "services": [one.service for one in names.containers]}
    answer = ask("ecs", "describe_services", wanted) or {}
    sizes = {one.service: one for one in names.containers}
    for row in answer.get("services", []):
        if row["status"] == "INACTIVE":
            continue
        running = int(row["runningCount"]) + int(row["pendingCount"])
        name = row["serviceName"]
        what = f"service, {running} tasks"
        month = task_month(sizes[name], names.settings.runtime.architecture)
        yield (
            names.arn("ecs", f"service/{cluster}/{name}"),
            what,
            month * running,
        )


def task_month(container: ContainerSettings, architecture: str) -> Fraction:
    """Dollars a month of a task at the price without interruption: that of spare capacity is below it."""
    return (
        _hourly(f"fargate.{architecture}_vcpu_hour", Fraction(container.cpu, UNITS))
        + _hourly(f"fargate.{architecture}_gb_hour", Fraction(container.memory_mb, UNITS))
        + _hourly("vpc.public_ipv4_hour", Fraction(1))
    )


def _images(names: Names, repository: str, ask: Ask) -> Iterator[Left]:
    if ask("ecr", "describe_repositories", {"repositoryNames": [repository]}) is None:
        return
    images: list[Mapping[str, Any]] = []
    more: dict[str, str] = {}
    while True:
        answer = ask("ecr", "describe_images", {"repositoryName": repository, **more}) or {}
        images += answer.get("imageDetails", [])
        if not answer.get("nextToken"):
            break
        more = {"nextToken": answer["nextToken"]}
    size = sum(int(image.get("imageSizeInBytes", 0)) for image in images)
    what = f"repository, {len(images)} images, {size / 1e6:,.1f} MB"
    # Layers that images share are counted with each: an upper bound.
    cost = load_prices()["ecr.gb"].of(Fraction(size) / GB)
    yield names.arn("ecr", f"repository/{repository}"), what, cost


def _balancer(names: Names, ask: Ask) -> Iterator[Left]:
    settings = names.settings.services
    answer = ask("elbv2", "describe_load_balancers", {"Names": [settings.name]}) or {}
    for row in answer.get("LoadBalancers", []):
        zones = Fraction(len(row.get("AvailabilityZones", [])))
        cost = _hourly("alb.hour", Fraction(1)) + _hourly("vpc.public_ipv4_hour", zones)
        yield row["LoadBalancerArn"], "load balancer with its addresses", cost


def _addresses(names: Names, ask: Ask) -> Iterator[Left]:
    """Elastic addresses with the project's tag: there should be none, and each costs."""
    wanted = {"Filters": [{"Name": "tag:project", "Values": [names.settings.tags["project"]]}]}
    answer = ask("ec2", "describe_addresses", wanted) or {}
    for row in answer.get("Addresses", []):
        arn = names.arn("ec2", f"elastic-ip/{row['AllocationId']}")
        yield arn, "public address", _hourly("vpc.public_ipv4_hour", Fraction(1))
