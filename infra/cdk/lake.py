"""Stack `PetroStreamLake`: the buckets, the Glue catalogue and the Athena work group."""

import re
from typing import cast

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.cdk.common import Deployment
from infra.queries import NamedQuery, named_queries
from infra.settings import Zone
from petrostream.schema import TABLES, Field, Schema, schema

_FORMATS = {
    "parquet": (
        "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
    ),
    "json": (
        "org.apache.hadoop.mapred.TextInputFormat",
        "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
        "org.openx.data.jsonserde.JsonSerDe",
    ),
}


class LakeStack(Stack):
    """Buckets by zone, tables by schema, and the one door for SQL."""

    def __init__(self, scope: Construct, construct_id: str, *, deployment: Deployment) -> None:
        super().__init__(
            scope,
            construct_id,
            synthesizer=deployment.synthesizer(),
            description="PetroStream: buckets, Glue catalogue, Athena work group",
        )
        self._deployment = deployment
        self._settings = deployment.settings.lake
        self.buckets = {zone: self._bucket(zone) for zone in self._settings.buckets}
        self.database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=self.account,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=self._settings.database, description="Readings of wells, scored, and what was rejected"
            ),
        )
        self.tables = {name: self._table(schema(name)) for name in TABLES}
        self.workgroup = self._workgroup()
        if not deployment.twin:  # the emulator's CloudFormation has no AWS::Athena::NamedQuery
            for query in named_queries():
                self._named_query(query)
        self._outputs()

    def _bucket(self, zone: Zone) -> s3.Bucket:
        settings = self._settings
        rules = [
            s3.LifecycleRule(
                id="incomplete-uploads",
                abort_incomplete_multipart_upload_after=Duration.days(settings.incomplete_upload_expire_days),
            )
        ]
        versioned = zone in settings.versioned_buckets
        if versioned:
            rules.append(
                s3.LifecycleRule(
                    id="noncurrent-versions",
                    noncurrent_version_expiration=Duration.days(settings.noncurrent_expire_days),
                    expired_object_delete_marker=True,
                )
            )
        if zone == "athena-results":
            rules.append(
                s3.LifecycleRule(id="results", expiration=Duration.days(settings.athena_results_expire_days))
            )
        if zone == "raw":
            rules.append(self._cooling())
        if zone == "curated":
            rules.append(self._replaced_gold())
        return s3.Bucket(
            self,
            f"{_pascal(zone)}Bucket",
            bucket_name=self._deployment.bucket_name(zone),
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=self._deployment.tls_only,
            minimum_tls_version=1.2 if self._deployment.tls_only else None,
            versioned=versioned,
            lifecycle_rules=rules,
            # S3 refuses to delete a bucket that holds anything, so this removes empty buckets only.
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _replaced_gold(self) -> s3.LifecycleRule:
        """Jobs delete a replaced run after its days of grace; what they delete can be made again."""
        return s3.LifecycleRule(
            id="replaced-gold",
            prefix="gold/",
            noncurrent_version_expiration=Duration.days(self._deployment.settings.gold.deleted_expire_days),
        )

    def _cooling(self) -> s3.LifecycleRule:
        return s3.LifecycleRule(
            id="cooler-classes",
            transitions=[
                s3.Transition(
                    storage_class=s3.StorageClass.INFREQUENT_ACCESS,
                    transition_after=Duration.days(self._settings.raw_infrequent_access_days),
                ),
                s3.Transition(
                    storage_class=s3.StorageClass.GLACIER_INSTANT_RETRIEVAL,
                    transition_after=Duration.days(self._settings.raw_glacier_days),
                ),
            ],
        )

    def _table(self, table: Schema) -> glue.CfnTable:
        zone = cast("Zone", table.zone)
        location = f"s3://{self.buckets[zone].bucket_name}/{table.prefix}"
        input_format, output_format, serde = _FORMATS[str(table.format)]
        parameters = {"EXTERNAL": "TRUE", "classification": str(table.format)}
        if table.partitioning == "projected":
            parameters |= self._projection(location)
        resource = glue.CfnTable(
            self,
            f"{_pascal(table.name)}Table",
            catalog_id=self.account,
            database_name=self._settings.database,
            table_input=glue.CfnTable.TableInputProperty(
                name=table.name,
                description=table.description,
                table_type="EXTERNAL_TABLE",
                parameters=parameters,
                partition_keys=[_column(field) for field in table.partitions],
                storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
                    columns=[_column(field) for field in table.fields],
                    location=location,
                    input_format=input_format,
                    output_format=output_format,
                    serde_info=glue.CfnTable.SerdeInfoProperty(
                        serialization_library=serde, parameters={"serialization.format": "1"}
                    ),
                ),
            ),
        )
        resource.add_resource_dependency(self.database)
        return resource

    def _projection(self, location: str) -> dict[str, str]:
        return {
            "projection.enabled": "true",
            "projection.date.type": "date",
            "projection.date.format": "yyyy-MM-dd",
            # A reading may lie up to an hour ahead of the clock, hence one day past NOW.
            "projection.date.range": f"{self._settings.projection_start},NOW+1DAYS",
            "projection.date.interval": "1",
            "projection.date.interval.unit": "DAYS",
            "storage.location.template": f"{location}date=${{date}}/",
        }

    def _workgroup(self) -> athena.CfnWorkGroup:
        results = f"s3://{self.buckets['athena-results'].bucket_name}/results/"
        return athena.CfnWorkGroup(
            self,
            "WorkGroup",
            name=self._settings.workgroup,
            description="Analysts, dashboards and jobs: encrypted results, a limit on what a query may scan",
            recursive_delete_option=True,
            state="ENABLED",
            work_group_configuration=athena.CfnWorkGroup.WorkGroupConfigurationProperty(
                enforce_work_group_configuration=True,
                publish_cloud_watch_metrics_enabled=True,
                bytes_scanned_cutoff_per_query=self._settings.athena_scan_limit_bytes,
                requester_pays_enabled=False,
                engine_version=athena.CfnWorkGroup.EngineVersionProperty(
                    selected_engine_version="Athena engine version 3"
                ),
                result_configuration=athena.CfnWorkGroup.ResultConfigurationProperty(
                    output_location=results,
                    encryption_configuration=athena.CfnWorkGroup.EncryptionConfigurationProperty(
                        encryption_option="SSE_S3"
                    ),
                ),
            ),
        )

    def _named_query(self, query: NamedQuery) -> None:
        resource = athena.CfnNamedQuery(
            self,
            f"Query{_pascal(query.name)}",
            name=query.name,
            description=query.description,
            database=self._settings.database,
            query_string=query.sql,
            work_group=self._settings.workgroup,
        )
        resource.add_resource_dependency(self.workgroup)
        resource.add_resource_dependency(self.database)

    def _outputs(self) -> None:
        for zone, bucket in self.buckets.items():
            CfnOutput(self, f"{_pascal(zone)}BucketName", value=bucket.bucket_name).override_logical_id(
                f"{_pascal(zone)}Bucket"
            )
        CfnOutput(self, "WorkGroupName", value=self._settings.workgroup).override_logical_id("WorkGroup")
        CfnOutput(self, "DatabaseName", value=self._settings.database).override_logical_id("Database")


def _column(field: Field) -> glue.CfnTable.ColumnProperty:
    comment = field.description if field.unit is None else f"{field.description} [{field.unit}]"
    # Glue holds a comment of at most 255 characters.
    return glue.CfnTable.ColumnProperty(name=field.name, type=field.type, comment=comment[:255])


def _pascal(name: str) -> str:
    return "".join(part.capitalize() for part in re.split(r"[-_]", name))
