"""How many tasks there are: what they use on average, and how far behind the stream they are."""

from aws_cdk import Stack
from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecs as ecs

from infra.cdk.services_tasks import Container
from infra.settings import Settings

OUT_SECONDS, IN_SECONDS, STEP_SECONDS = 60, 300, 180
METRICS = {"cpu": "ECSServiceAverageCPUUtilization", "memory": "ECSServiceAverageMemoryUtilization"}


def scale(
    stack: Stack, container: Container, settings: Settings, service: ecs.CfnService, *, behind: bool
) -> None:
    """Scale a service between its least and most tasks; with `behind` also by how late readings are."""
    services = settings.services
    target = scaling.CfnScalableTarget(
        stack,
        f"{container.name}Tasks",
        service_namespace="ecs",
        scalable_dimension="ecs:service:DesiredCount",
        resource_id=f"service/{services.name}/{service.attr_name}",
        min_capacity=container.settings.least_tasks,
        max_capacity=container.settings.most_tasks,
    )
    wanted = {"cpu": services.cpu_percent, "memory": services.memory_percent}
    kind = scaling.CfnScalingPolicy
    for name, percent in wanted.items():
        kind(
            stack,
            f"{container.name}By{name.capitalize()}",
            policy_name=f"{container.settings.service}-{name}",
            policy_type="TargetTrackingScaling",
            scaling_target_id=target.ref,
            target_tracking_scaling_policy_configuration=kind.TargetTrackingScalingPolicyConfigurationProperty(
                target_value=percent,
                scale_out_cooldown=OUT_SECONDS,
                scale_in_cooldown=IN_SECONDS,
                predefined_metric_specification=kind.PredefinedMetricSpecificationProperty(
                    predefined_metric_type=METRICS[name]
                ),
            ),
        )
    if behind:
        _by_lateness(stack, container, settings, target.ref)


def _by_lateness(stack: Stack, container: Container, settings: Settings, target: str) -> None:
    """A task more shares the shards.

    Never fewer by this: how late readings are does not say that a task is idle.
    """
    kind = scaling.CfnScalingPolicy
    step = kind(
        stack,
        f"{container.name}Behind",
        policy_name=f"{container.settings.service}-behind",
        policy_type="StepScaling",
        scaling_target_id=target,
        step_scaling_policy_configuration=kind.StepScalingPolicyConfigurationProperty(
            adjustment_type="ChangeInCapacity",
            cooldown=STEP_SECONDS,
            metric_aggregation_type="Maximum",
            step_adjustments=[
                kind.StepAdjustmentProperty(metric_interval_lower_bound=0, scaling_adjustment=1)
            ],
        ),
    )
    cloudwatch.CfnAlarm(
        stack,
        "BehindAlarm",
        alarm_name=f"{settings.project}-scaling-behind",
        alarm_description=f"Adds a task to {container.settings.service}; calls nobody",
        namespace="PetroStream",
        metric_name="BehindMilliseconds",
        dimensions=[cloudwatch.CfnAlarm.DimensionProperty(name="service", value=settings.scoring.function)],
        statistic="Maximum",
        period=60,
        evaluation_periods=3,
        datapoints_to_alarm=3,
        threshold=settings.services.behind_seconds * 1000,
        comparison_operator="GreaterThanOrEqualToThreshold",
        treat_missing_data="notBreaching",
        alarm_actions=[step.ref],
    )
