"""Stack `PetroStreamScoring`: scoring function, its event source mapping, state, alerts, failure queue."""

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.cdk import consumer
from infra.cdk.common import Deployment, arn, function, statement


class ScoringStack(Stack):
    """Stream records in, scored rows out; state in one table, batches given up on in one queue."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: Deployment,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            synthesizer=deployment.synthesizer(),
            description="PetroStream: scoring function, state and failures",
        )
        self._deployment = deployment
        self._settings = deployment.settings.scoring
        self._stream_arn = arn(self, "kinesis", f"stream/{deployment.settings.stream.name}")
        self.table = self._table()
        self.failures = self._failures()
        self.alerts = self._alerts()
        # The emulator's CloudFormation has no consumers, and its event source mapping reads streams only.
        self._fan_out = self._settings.enhanced_fan_out and not deployment.twin
        self.function = self._function()
        self.mapping = self._mapping()
        self._outputs()

    def _table(self) -> dynamodb.Table:
        settings = self._deployment.settings.live
        return dynamodb.Table(
            self,
            "LiveTable",
            table_name=settings.table,
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute="expires_at",
            encryption=dynamodb.TableEncryption.DEFAULT,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=settings.point_in_time_recovery
            ),
            # State is rebuilt from the stream and windows from the lake: the table goes with its stack.
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _failures(self) -> sqs.Queue:
        return sqs.Queue(
            self,
            "Failures",
            queue_name=self._settings.failure_queue,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=self._deployment.tls_only,
            retention_period=Duration.days(self._settings.failure_queue_retention_days),
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _alerts(self) -> sns.Topic:
        topic = sns.Topic(
            self,
            "Alerts",
            topic_name=self._deployment.settings.live.alert_topic,
            display_name="PetroStream alerts",
            enforce_ssl=self._deployment.tls_only,
        )
        topic.apply_removal_policy(RemovalPolicy.DESTROY)
        return topic

    def _function(self) -> lambda_.Function:
        return function(
            Construct(self, "Scoring"),
            self._deployment,
            package="scoring",
            settings=self._settings,
            reserved_concurrency=self._settings.reserved_concurrency,
            policies=self._rights(),
            environment={
                **consumer.environment(self._deployment, self.alerts.topic_arn),
                # The emulator's event source mapping ignores a partial answer, so there a batch must raise.
                "PARTIAL_BATCH_RESPONSE": "false" if self._deployment.twin else "true",
            },
        )

    def _rights(self) -> dict[str, list[iam.PolicyStatement]]:
        rights = consumer.rights(self, self._deployment, self.table.table_arn, self.alerts.topic_arn)
        if self._fan_out:
            # The ARN of a consumer ends with the time of its registration.
            consumers = f"{self._stream_arn}/consumer/{self._settings.function}:*"
            actions = ["kinesis:DescribeStreamConsumer", "kinesis:SubscribeToShard"]
            rights["stream"].append(statement(actions, [consumers]))
        return {**rights, "failures": [statement(["sqs:SendMessage"], [self.failures.queue_arn])]}

    def _source(self) -> str:
        """ARN of what the event source mapping reads: the stream, or a consumer with enhanced fan-out."""
        if not self._fan_out:
            return self._stream_arn
        consumer = kinesis.CfnStreamConsumer(
            self, "Consumer", consumer_name=self._settings.function, stream_arn=self._stream_arn
        )
        return consumer.attr_consumer_arn

    def _mapping(self) -> lambda_.CfnEventSourceMapping:
        settings = self._settings
        return lambda_.CfnEventSourceMapping(
            self,
            "Mapping",
            function_name=self.function.function_name,
            event_source_arn=self._source(),
            # The function or the service reads the stream. Enabled again, it goes on where it stopped.
            enabled=not self._deployment.service_reads,
            # From the oldest record: readings sent before the first deployment finished are scored too.
            starting_position="TRIM_HORIZON",
            batch_size=settings.batch_size,
            maximum_batching_window_in_seconds=settings.batching_window_seconds,
            bisect_batch_on_function_error=True,
            function_response_types=["ReportBatchItemFailures"],
            maximum_retry_attempts=settings.retry_attempts,
            maximum_record_age_in_seconds=settings.maximum_record_age_seconds,
            parallelization_factor=1,
            destination_config=lambda_.CfnEventSourceMapping.DestinationConfigProperty(
                on_failure=lambda_.CfnEventSourceMapping.OnFailureProperty(
                    destination=self.failures.queue_arn
                )
            ),
        )

    def _outputs(self) -> None:
        outputs = {
            "LiveTableName": self.table.table_name,
            "AlertTopicArn": self.alerts.topic_arn,
            "ScoringFunctionName": self.function.function_name,
            "FailureQueueUrl": self.failures.queue_url,
        }
        for name, value in outputs.items():
            CfnOutput(self, name, value=value)
