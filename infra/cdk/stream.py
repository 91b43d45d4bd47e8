"""Stack `PetroStreamStream`: the data stream, and the Firehoses that land it."""

from aws_cdk import Aws, CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.cdk.common import Deployment, arn, function, statement
from infra.cdk.delivery import ARRIVAL_DATE, EVENT_DATE, Delivery, delivery, owned_key
from infra.settings import QuarantineDeliverySettings, RawDeliverySettings, ScoredDeliverySettings, Zone
from petrostream.schema import schema

_S3Config = firehose.CfnDeliveryStream.ExtendedS3DestinationConfigurationProperty
_Parameter = firehose.CfnDeliveryStream.ProcessorParameterProperty
_Processor = firehose.CfnDeliveryStream.ProcessorProperty
_Processing = firehose.CfnDeliveryStream.ProcessingConfigurationProperty


class StreamStack(Stack):
    """Kinesis in, S3 out: raw as received, tables as Parquet by event date, the rejected as NDJSON."""

    def __init__(self, scope: Construct, construct_id: str, *, deployment: Deployment) -> None:
        super().__init__(
            scope,
            construct_id,
            synthesizer=deployment.synthesizer(),
            description="PetroStream: Kinesis stream and Firehose delivery",
        )
        self._deployment = deployment
        self._settings = deployment.settings.firehose
        self.stream = self._stream()
        self.transform = self._transform()
        self.raw = self._raw()
        self.raw_copy = self._raw_copy()
        if not deployment.twin:
            self._raw_mapping()
        self.delivery = self._parquet("Delivery", "scored_readings", self._settings.delivery)
        self.facility = self._parquet("Facility", "facility_readings", self._settings.facility)
        self.alarms = self._parquet("Alarms", "alarms", self._settings.alarms)
        self.quarantine = self._quarantine()
        self._outputs()

    def _stream(self) -> kinesis.Stream:
        settings = self._deployment.settings.stream
        provisioned = settings.mode == "PROVISIONED"
        return kinesis.Stream(
            self,
            "Stream",
            stream_name=settings.name,
            stream_mode=kinesis.StreamMode.PROVISIONED if provisioned else kinesis.StreamMode.ON_DEMAND,
            shard_count=settings.shards if provisioned else None,
            retention_period=Duration.hours(settings.retention_hours),
            encryption=kinesis.StreamEncryption.MANAGED,
            # The CDK would leave it, at the price of its shards; what it carries is in the raw zone.
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _transform(self) -> lambda_.Function:
        return function(
            Construct(self, "Transform"),
            self._deployment,
            package="firehose_transform",
            settings=self._deployment.settings.firehose_transform,
            policies={},
            environment={},
        )

    def _read_stream(self) -> list[iam.PolicyStatement]:
        calls = ("DescribeStream", "DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards")
        return [statement([f"kinesis:{call}" for call in calls], [self.stream.stream_arn])]

    def _raw_copy(self) -> lambda_.Function:
        """Copies the stream for the Firehose of the raw zone, which counts each record as 5 KB or more."""
        raw = self._settings.raw.name
        return function(
            Construct(self, "RawCopy"),
            self._deployment,
            package="raw_copy",
            settings=self._deployment.settings.raw_copy,
            policies={
                "stream": self._read_stream(),
                "delivery": [
                    statement(["firehose:PutRecordBatch"], [arn(self, "firehose", f"deliverystream/{raw}")])
                ],
            },
            environment={"RAW_STREAM": raw},
        )

    def _raw_mapping(self) -> lambda_.CfnEventSourceMapping:
        settings = self._deployment.settings.raw_copy
        mapping = lambda_.CfnEventSourceMapping(
            self,
            "RawMapping",
            function_name=self.raw_copy.function_name,
            event_source_arn=self.stream.stream_arn,
            starting_position="TRIM_HORIZON",
            batch_size=settings.batch_size,
            maximum_batching_window_in_seconds=settings.batching_window_seconds,
            # It never looks at what is in a record: a batch that fails is tried until it succeeds, or leaves
            # the stream.
            maximum_retry_attempts=-1,
            maximum_record_age_in_seconds=-1,
            parallelization_factor=1,
        )
        mapping.add_resource_dependency(self.raw)
        return mapping

    def _raw(self) -> firehose.CfnDeliveryStream:
        settings = self._settings.raw
        twin = self._deployment.twin
        # The twin's Firehose reads the stream at no price, and has a record before the sender has the answer.
        place = self._place(
            "Raw", "raw", settings.prefix, settings, {"stream": self._read_stream()} if twin else {}
        )
        source = firehose.CfnDeliveryStream.KinesisStreamSourceConfigurationProperty(
            kinesis_stream_arn=self.stream.stream_arn, role_arn=place.role.role_arn
        )
        return firehose.CfnDeliveryStream(
            place.scope,
            "Firehose",
            delivery_stream_name=settings.name,
            delivery_stream_type="KinesisStreamAsSource" if twin else "DirectPut",
            kinesis_stream_source_configuration=source if twin else None,
            # Firehose refuses a key of its own where it reads a stream.
            delivery_stream_encryption_configuration_input=None if twin else owned_key(),
            extended_s3_destination_configuration=_S3Config(
                **place.common,
                prefix=f"{settings.prefix}{ARRIVAL_DATE}",
                # The function that copies the stream compresses what it sends, which costs less.
                compression_format=settings.compression if twin else "UNCOMPRESSED",
                file_extension=None if twin else ".gz",
                # A producer may leave out the last newline of a block; two blocks must not share a line.
                # The function that copies the stream sees to that itself.
                processing_configuration=_line_ends() if twin else None,
            ),
        )

    def _parquet(
        self, construct_id: str, table_name: str, settings: ScoredDeliverySettings
    ) -> firehose.CfnDeliveryStream:
        """A Firehose that lands a table's rows as Parquet by the date of their `ts`."""
        table = schema(table_name)
        place = self._place(
            construct_id, "curated", str(table.prefix), settings, self._delivery_rights(table.name)
        )
        return firehose.CfnDeliveryStream(
            place.scope,
            "Firehose",
            delivery_stream_name=settings.name,
            delivery_stream_type="DirectPut",
            delivery_stream_encryption_configuration_input=owned_key(),
            extended_s3_destination_configuration=_S3Config(
                **place.common,
                prefix=f"{table.prefix}{EVENT_DATE}",
                compression_format="UNCOMPRESSED",  # Parquet compresses inside; Firehose refuses both at once
                dynamic_partitioning_configuration=firehose.CfnDeliveryStream.DynamicPartitioningConfigurationProperty(
                    enabled=True,
                    retry_options=firehose.CfnDeliveryStream.RetryOptionsProperty(
                        duration_in_seconds=settings.partition_retry_seconds
                    ),
                ),
                processing_configuration=self._transformation(place.role, settings),
                data_format_conversion_configuration=self._to_parquet(place.role, table.name),
            ),
        )

    def _delivery_rights(self, table: str) -> dict[str, list[iam.PolicyStatement]]:
        database = self._deployment.settings.lake.database
        read_schema = statement(
            ["glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"],
            [
                arn(self, "glue", "catalog"),
                arn(self, "glue", f"database/{database}"),
                arn(self, "glue", f"table/{database}/{table}"),
            ],
        )
        invoke = statement(
            ["lambda:GetFunctionConfiguration", "lambda:InvokeFunction"],
            [self.transform.function_arn, f"{self.transform.function_arn}:$LATEST"],
        )
        return {"schema": [read_schema], "transform": [invoke]}

    def _transformation(
        self, access: iam.Role, settings: ScoredDeliverySettings
    ) -> firehose.CfnDeliveryStream.ProcessingConfigurationProperty:
        parameters = {
            "LambdaArn": f"{self.transform.function_arn}:$LATEST",
            "RoleArn": access.role_arn,
            "NumberOfRetries": str(settings.transform_retries),
            "BufferSizeInMBs": f"{settings.transform_buffer_mb:g}",
            "BufferIntervalInSeconds": str(settings.transform_buffer_seconds),
        }
        return _Processing(
            enabled=True,
            processors=[
                _Processor(
                    type="Lambda",
                    parameters=[
                        _Parameter(parameter_name=name, parameter_value=value)
                        for name, value in parameters.items()
                    ],
                )
            ],
        )

    def _to_parquet(
        self, access: iam.Role, table: str
    ) -> firehose.CfnDeliveryStream.DataFormatConversionConfigurationProperty:
        stream = firehose.CfnDeliveryStream
        return stream.DataFormatConversionConfigurationProperty(
            enabled=True,
            schema_configuration=stream.SchemaConfigurationProperty(
                catalog_id=Aws.ACCOUNT_ID,
                database_name=self._deployment.settings.lake.database,
                table_name=table,
                region=Aws.REGION,
                role_arn=access.role_arn,
                version_id="LATEST",
            ),
            input_format_configuration=stream.InputFormatConfigurationProperty(
                deserializer=stream.DeserializerProperty(
                    open_x_json_ser_de=stream.OpenXJsonSerDeProperty(
                        case_insensitive=True, convert_dots_in_json_keys_to_underscores=False
                    )
                )
            ),
            output_format_configuration=stream.OutputFormatConfigurationProperty(
                serializer=stream.SerializerProperty(
                    parquet_ser_de=stream.ParquetSerDeProperty(
                        compression="SNAPPY", enable_dictionary_compression=True, writer_version="V1"
                    )
                )
            ),
        )

    def _quarantine(self) -> firehose.CfnDeliveryStream:
        settings = self._settings.quarantine
        table = schema("quarantine")
        place = self._place("Quarantine", "quarantine", str(table.prefix), settings, {})
        return firehose.CfnDeliveryStream(
            place.scope,
            "Firehose",
            delivery_stream_name=settings.name,
            delivery_stream_type="DirectPut",
            delivery_stream_encryption_configuration_input=owned_key(),
            extended_s3_destination_configuration=_S3Config(
                **place.common,
                prefix=f"{table.prefix}{ARRIVAL_DATE}",
                compression_format=settings.compression,
            ),
        )

    def _place(
        self,
        construct_id: str,
        zone: Zone,
        prefix: str,
        settings: RawDeliverySettings | ScoredDeliverySettings | QuarantineDeliverySettings,
        rights: dict[str, list[iam.PolicyStatement]],
    ) -> Delivery:
        scope = Construct(self, construct_id)
        return delivery(scope, self._deployment, zone=zone, prefix=prefix, settings=settings, rights=rights)

    def _outputs(self) -> None:
        outputs = {
            "StreamName": self.stream.stream_name,
            "RawStreamName": self._settings.raw.name,
            "DeliveryStreamName": self._settings.delivery.name,
            "FacilityStreamName": self._settings.facility.name,
            "AlarmStreamName": self._settings.alarms.name,
            "QuarantineStreamName": self._settings.quarantine.name,
            "RawCopyFunctionName": self.raw_copy.function_name,
            "TransformFunctionName": self.transform.function_name,
        }
        for name, value in outputs.items():
            CfnOutput(self, name, value=value)


def _line_ends() -> firehose.CfnDeliveryStream.ProcessingConfigurationProperty:
    """Ends each record with a line feed."""
    delimiter = _Parameter(parameter_name="Delimiter", parameter_value="\\n")
    return _Processing(
        enabled=True, processors=[_Processor(type="AppendDelimiterToRecord", parameters=[delimiter])]
    )
