"""Stack `PetroStreamJobs`: the function of the jobs, the state machines that call it, and their schedules."""

import json

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.cdk.common import Deployment, arn, function, role, statement
from infra.cdk.ops import cdk_place
from infra.machines import MACHINES, SCHEDULED, definition
from infra.watch import policy

_RETRY_ATTEMPTS = 5
_RETRY_SECONDS = 3600


class JobsStack(Stack):
    """Jobs over stored data: nightly, weekly, and for as many days as somebody asks for."""

    def __init__(self, scope: Construct, construct_id: str, *, deployment: Deployment) -> None:
        super().__init__(
            scope,
            construct_id,
            synthesizer=deployment.synthesizer(),
            description="PetroStream: jobs over stored data, their state machines and schedules",
        )
        self._deployment = deployment
        self._settings = deployment.settings.batch
        self._topic_arn = arn(self, "sns", deployment.settings.ops.topic)
        if deployment.twin:
            self._topic()
        self.function = self._function()
        self.machines = {key: self._machine(key) for key in MACHINES}
        self.undelivered = self._undelivered()
        group = scheduler.CfnScheduleGroup(self, "Schedules", name=self._settings.schedule_group)
        for key in SCHEDULED:
            self._schedule(key).add_resource_dependency(group)
        self._outputs()

    def _topic(self) -> None:
        """The operations topic, which the twin has no other stack for: its alarms have nobody to tell."""
        topic = sns.Topic(self, "Operations", topic_name=self._deployment.settings.ops.topic)
        topic.apply_removal_policy(RemovalPolicy.DESTROY)

    def _function(self) -> lambda_.Function:
        return function(
            Construct(self, "Batch"),
            self._deployment,
            package="batch",
            settings=self._settings,
            policies=self._rights(),
            environment=self._environment(),
        )

    def _rights(self) -> dict[str, list[iam.PolicyStatement]]:
        document = policy("batch", self._deployment.settings, cdk_place())
        return {row["Sid"]: [statement(row["Action"], row["Resource"])] for row in document["Statement"]}

    def _environment(self) -> dict[str, str]:
        settings, bucket = self._deployment.settings, self._deployment.bucket_name
        return {
            "LAKE_DATABASE": settings.lake.database,
            "ATHENA_WORKGROUP": settings.lake.workgroup,
            "RAW_BUCKET": bucket("raw"),
            "RAW_PREFIX": settings.firehose.raw.prefix,
            "CURATED_BUCKET": bucket("curated"),
            "QUARANTINE_BUCKET": bucket("quarantine"),
            "ARTIFACTS_BUCKET": bucket("artifacts"),
            "GOLD_KEEP_DAYS": str(settings.gold.keep_days),
            "GOLD_SETTLE_HOURS": str(settings.gold.settle_hours),
        }

    def _machine(self, key: str) -> sfn.CfnStateMachine:
        name = str(getattr(self._settings, key))
        scope = Construct(self, key.capitalize())
        machine = sfn.CfnStateMachine(
            scope,
            "Machine",
            state_machine_name=name,
            # Standard: its history is kept for 90 days, and a step runs once.
            state_machine_type="STANDARD",
            definition_string=definition(key, self._deployment.settings, cdk_place()),
            role_arn=role(
                scope,
                "Role",
                name=name,
                service="states.amazonaws.com",
                own_account=True,
                policies=self._machine_rights(name, days=key != "weekly"),
            ).role_arn,
        )
        machine.node.add_dependency(self.function)
        return machine

    def _machine_rights(self, name: str, *, days: bool) -> dict[str, list[iam.PolicyStatement]]:
        """What a machine may do; `days`: whether it starts an execution for each day (Distributed Map)."""
        own = [
            statement(["states:StartExecution"], [arn(self, "states", f"stateMachine:{name}")]),
            statement(
                ["states:DescribeExecution", "states:StopExecution"],
                [arn(self, "states", f"execution:{name}/EachDay:*")],
            ),
        ]
        return {
            "function": [statement(["lambda:InvokeFunction"], [self.function.function_arn])],
            "topic": [statement(["sns:Publish"], [self._topic_arn])],
            **({"days": own} if days else {}),
        }

    def _undelivered(self) -> sqs.Queue:
        return sqs.Queue(
            self,
            "Undelivered",
            queue_name=self._settings.undelivered_queue,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=self._deployment.tls_only,
            retention_period=Duration.days(14),
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _schedule(self, key: str) -> scheduler.CfnSchedule:
        settings, machine = self._settings, self.machines[key]
        scope = Construct(self, f"{key.capitalize()}Schedule")
        rights = {
            "start": [statement(["states:StartExecution"], [machine.attr_arn])],
            "undelivered": [statement(["sqs:SendMessage"], [self.undelivered.queue_arn])],
        }
        access = role(
            scope,
            "Role",
            name=f"{getattr(settings, key)}-schedule",
            service="scheduler.amazonaws.com",
            own_account=True,
            policies=rights,
        )
        return scheduler.CfnSchedule(
            scope,
            "Schedule",
            name=str(getattr(settings, key)),
            group_name=settings.schedule_group,
            schedule_expression=str(getattr(settings, f"{key}_schedule")),
            schedule_expression_timezone="UTC",
            # On the twin nothing starts by itself at night.
            state="ENABLED" if settings.scheduled and not self._deployment.twin else "DISABLED",
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=machine.attr_arn,
                role_arn=access.role_arn,
                input=json.dumps({"days": settings.days}, separators=(",", ":"))
                if key == "nightly"
                else "{}",
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_retry_attempts=_RETRY_ATTEMPTS, maximum_event_age_in_seconds=_RETRY_SECONDS
                ),
                dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(
                    arn=self.undelivered.queue_arn
                ),
            ),
        )

    def _outputs(self) -> None:
        outputs = {"BatchFunctionName": self.function.function_name}
        outputs |= {f"{key.capitalize()}MachineArn": one.attr_arn for key, one in self.machines.items()}
        outputs |= {"UndeliveredQueueUrl": self.undelivered.queue_url}
        for name, value in outputs.items():
            CfnOutput(self, name, value=value)
