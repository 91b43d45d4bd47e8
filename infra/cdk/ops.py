"""Stack `PetroStreamOps`: the alarms, the topic they report to, and the dashboard."""

from aws_cdk import Aws, CfnOutput, CfnParameter, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.cdk.common import Deployment
from infra.watch import AccountRegion, Metric, OperationsAlarm, dashboard, operations_alarms

EMAIL_PATTERN = r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,24}"
"""What is taken for an e-mail address; a typing error here would leave every alarm unheard."""


def cdk_place() -> AccountRegion:
    """The place as CloudFormation will know it."""
    return AccountRegion(account=Aws.ACCOUNT_ID, region=Aws.REGION, partition=Aws.PARTITION)


def email_parameter(scope: Construct) -> CfnParameter:
    """The address to write to: a parameter without a default, so that no address is in a file."""
    return CfnParameter(
        scope,
        "AlertEmail",
        type="String",
        description="E-mail address that alarms and budget alerts go to",
        allowed_pattern=f"^{EMAIL_PATTERN}$",
        constraint_description="must be an e-mail address, for example operations@example.com",
    )


class OpsStack(Stack):
    """What tells people that something is wrong with the lake, and where to read what to do."""

    def __init__(self, scope: Construct, construct_id: str, *, deployment: Deployment) -> None:
        super().__init__(
            scope,
            construct_id,
            synthesizer=deployment.synthesizer(),
            description="PetroStream: alarms, their topic, dashboard",
        )
        self._settings = deployment.settings
        self.email = email_parameter(self)
        self.topic = self._topic()
        running = deployment.services and deployment.image_tag is not None
        for alarm in operations_alarms(self._settings, cdk_place(), running=running):
            self._alarm(alarm)
        cloudwatch.CfnDashboard(
            self,
            "Dashboard",
            dashboard_name=self._settings.ops.dashboard,
            dashboard_body=dashboard(self._settings, cdk_place(), running=running),
        )
        CfnOutput(self, "AlarmTopicArn", value=self.topic.topic_arn)
        CfnOutput(self, "DashboardName", value=self._settings.ops.dashboard)

    def _topic(self) -> sns.Topic:
        topic = sns.Topic(
            self,
            "Alarms",
            topic_name=self._settings.ops.topic,
            display_name="PetroStream alarms",
            enforce_ssl=True,
        )
        topic.apply_removal_policy(RemovalPolicy.DESTROY)
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )
        sns.CfnSubscription(
            self, "Email", topic_arn=topic.topic_arn, protocol="email", endpoint=self.email.value_as_string
        )
        return topic

    def _alarm(self, alarm: OperationsAlarm) -> None:
        settings = alarm.settings
        single = alarm.metrics[0] if alarm.expression is None else None
        cloudwatch.CfnAlarm(
            self,
            "".join(part.capitalize() for part in alarm.key.split("_")),
            alarm_name=alarm.name,
            alarm_description=alarm.description,
            comparison_operator="GreaterThanOrEqualToThreshold",
            threshold=settings.threshold,
            evaluation_periods=settings.periods,
            datapoints_to_alarm=settings.datapoints,
            treat_missing_data=alarm.missing,
            alarm_actions=[self.topic.topic_arn],
            ok_actions=[self.topic.topic_arn],
            period=settings.period_seconds if single else None,
            namespace=single.namespace if single else None,
            metric_name=single.name if single else None,
            statistic=single.statistic if single else None,
            dimensions=_dimensions(single) if single else None,
            metrics=None if single else _computed(alarm),
        )


def _dimensions(metric: Metric) -> list[cloudwatch.CfnAlarm.DimensionProperty]:
    return [
        cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value)
        for name, value in metric.dimensions.items()
    ]


def _computed(alarm: OperationsAlarm) -> list[cloudwatch.CfnAlarm.MetricDataQueryProperty]:
    """The expression of an alarm and the metrics it is computed from."""
    query = cloudwatch.CfnAlarm.MetricDataQueryProperty
    inputs = [
        query(
            id=metric.id,
            return_data=False,
            metric_stat=cloudwatch.CfnAlarm.MetricStatProperty(
                metric=cloudwatch.CfnAlarm.MetricProperty(
                    namespace=metric.namespace, metric_name=metric.name, dimensions=_dimensions(metric)
                ),
                period=alarm.settings.period_seconds,
                stat=metric.statistic,
            ),
        )
        for metric in alarm.metrics
    ]
    answer = query(id="answer", expression=alarm.expression, label=alarm.unit, return_data=True)
    return [answer, *inputs]
