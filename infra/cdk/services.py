"""Stack `PetroStreamServices`: the scoring service and the dashboard as containers on ECS.

Repositories, network and cluster come first; what runs comes with the tag of an image that has been pushed.
"""

from aws_cdk import Aws, CfnOutput, Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.cdk import consumer
from infra.cdk.common import Deployment, arn, statement
from infra.cdk.ops import cdk_place
from infra.cdk.services_balancer import Balancer, balancer, balancer_url
from infra.cdk.services_network import balancer_group, let_through, network, task_group
from infra.cdk.services_scaling import scale
from infra.cdk.services_tasks import Container, TaskParts, parts, repository, task_definition
from infra.watch import policy

NEVER_FEWER_PERCENT, MOST_PERCENT = 100, 200
GRACE_SECONDS = 90
DASHBOARD_CALLS = ("BatchGetItem", "GetItem", "PutItem", "Query")


class ServicesStack(Stack):
    """Containers on ECS."""

    def __init__(self, scope: Construct, construct_id: str, *, deployment: Deployment) -> None:
        super().__init__(
            scope,
            construct_id,
            synthesizer=deployment.synthesizer(),
            description="PetroStream: scoring service and dashboard on ECS",
        )
        self.deployment = deployment
        self._settings = deployment.settings.services
        self._reads = deployment.settings.scoring.consumer == "service"
        containers = [self._scoring()]
        if self._settings.dashboard.enabled:
            containers.append(self._dashboard())
        urls = {one.key: self._repository(one) for one in containers}
        found = {one.key: parts(self, one, deployment) for one in containers}
        self._network = network(self, self._settings)
        self.cluster = self._cluster()
        self._balancer: Balancer | None = None
        running = containers if deployment.image_tag is not None else []
        self._place(running, found)
        self._outputs(urls, running)

    # --- what runs --------------------------------------------------------------------------------------

    def _names(self) -> tuple[str, str]:
        """ARNs of the live table and the alert topic, by their names."""
        live = self.deployment.settings.live
        return arn(self, "dynamodb", f"table/{live.table}"), arn(self, "sns", live.alert_topic)

    def _scoring(self) -> Container:
        table, topic = self._names()
        settings = self.deployment.settings
        rights = consumer.rights(self, self.deployment, table, topic)
        if not self._reads:
            del rights["stream"]
        # The service reads the stream and serves the API; without the stream, the API alone.
        module = "lambdas.scoring.service" if self._reads else "lambdas.scoring.api"
        return Container(
            key="scoring",
            settings=self._settings.scoring,
            port=8080,
            alive="/health",
            ready="/ready",
            command=("python3", "-m", module),
            environment={
                **consumer.environment(self.deployment, topic),
                "API_HOST": "0.0.0.0",  # noqa: S104 - its security group lets the load balancer in
                "API_PORT": "8080",
                "AWS_REGION": Aws.REGION,
                "INGEST_STREAM": settings.stream.name,
                "LOG_LEVEL": settings.runtime.log_level,
                "METRICS_NAMESPACE": "PetroStream",
                "METRICS_SERVICE": settings.scoring.function,
                "MOST_SHARDS": str(self._settings.scoring.most_shards),
                **self._callers(),
            },
            secrets={"API_KEY_DIGESTS": self._settings.scoring.key_digests},
            rights=rights,
        )

    def _callers(self) -> dict[str, str]:
        """Variables by which callers who sign are let in, if there are any."""
        if not self._settings.scoring.callers:
            return {}
        return {
            "API_IAM_PRINCIPALS": ",".join(self._settings.scoring.callers),
            # Another name for each deployment: a token for one is none for the others.
            "API_IAM_SERVICE": f"{self._settings.name}.{Aws.ACCOUNT_ID}.{Aws.REGION}",
        }

    def _dashboard(self) -> Container:
        table, _ = self._names()
        settings = self.deployment.settings
        alarms = arn(self, "firehose", f"deliverystream/{settings.firehose.alarms.name}")
        return Container(
            key="dashboard",
            settings=self._settings.dashboard,
            port=8501,
            alive="/_stcore/health",
            ready="/_stcore/health",
            environment={
                "ALARM_STREAM": settings.firehose.alarms.name,
                "ATHENA_DATABASE": settings.lake.database,
                "ATHENA_WORKGROUP": settings.lake.workgroup,
                "AWS_REGION": Aws.REGION,
                "BUDGET_NAME": f"{settings.project}-monthly",
                "CLOUDWATCH_URL": f"https://{Aws.REGION}.console.aws.amazon.com/cloudwatch/home"
                f"?region={Aws.REGION}#dashboards/dashboard/{settings.ops.dashboard}",
                "FIREHOSES": ",".join(settings.firehose.names),
                "LIVE_TABLE": settings.live.table,
                "LOG_LEVEL": settings.runtime.log_level,
                "STREAMLIT_SERVER_ADDRESS": "0.0.0.0",  # noqa: S104 - as for the service
                "STREAMLIT_SERVER_PORT": "8501",
            },
            # It shows the live table and queries, and acts on alarms as the API does.
            rights={
                "state": [statement([f"dynamodb:{call}" for call in DASHBOARD_CALLS], [table])],
                "delivery": [statement(["firehose:PutRecordBatch"], [alarms])],
                "query": self._queries(),
                "pipeline": self._pipeline(),
            },
        )

    def _pipeline(self) -> list[iam.PolicyStatement]:
        """What the page about the pipeline asks beyond an analyst's queries."""
        rows = policy("dashboard", self.deployment.settings, cdk_place())["Statement"]
        return [statement(row["Action"], row["Resource"]) for row in rows]

    def _queries(self) -> list[iam.PolicyStatement]:
        """What an analyst may do but to list every catalogue."""
        rows = policy("analyst", self.deployment.settings, cdk_place())["Statement"]
        return [statement(row["Action"], row["Resource"]) for row in rows if row["Resource"] != ["*"]]

    # --- where it runs ----------------------------------------------------------------------------------

    def _repository(self, container: Container) -> str:
        made = repository(self, container, self._settings.images_kept)
        return made.attr_repository_uri

    def _cluster(self) -> ecs.CfnCluster:
        strategy = ecs.CfnCluster.CapacityProviderStrategyItemProperty(
            capacity_provider=self._settings.capacity, weight=1
        )
        return ecs.CfnCluster(
            self,
            "Cluster",
            cluster_name=self._settings.name,
            capacity_providers=["FARGATE", "FARGATE_SPOT"],
            default_capacity_provider_strategy=[strategy],
            # CPU, memory and the number of tasks come for nothing; more detail costs, and the service has
            # metrics of its own.
            cluster_settings=[
                ecs.CfnCluster.ClusterSettingsProperty(name="containerInsights", value="disabled")
            ],
        )

    def _place(self, running: list[Container], found: dict[str, TaskParts]) -> None:
        """The tasks, behind a load balancer where any network may connect."""
        if not running:
            return
        groups = {one.key: task_group(self, one.name, one.settings.service, self._network) for one in running}
        if self._settings.access.allowed_cidrs:
            front = balancer_group(self, self._settings, self._network)
            self._balancer = balancer(self, self._settings, self._network, front.attr_group_id, running)
            for one in running:
                let_through(self, one.name, one.settings.service, one.port, (front, groups[one.key]))
        for one in running:
            service = self._service(one, found[one.key], groups[one.key].attr_group_id)
            behind = one.key == "scoring" and self._reads
            scale(self, one, self.deployment.settings, service, behind=behind)

    def _service(self, container: Container, found: TaskParts, group: str) -> ecs.CfnService:
        kind = ecs.CfnService
        task = task_definition(self, container, self.deployment, found)
        targets = self._balancer.targets[container.key] if self._balancer else None
        service = kind(
            self,
            f"{container.name}Service",
            service_name=container.settings.service,
            cluster=self.cluster.ref,
            task_definition=task.ref,
            enable_execute_command=False,
            # Tasks spread over the zones again after one was out.
            availability_zone_rebalancing="ENABLED",
            propagate_tags="SERVICE",
            # New tasks are ready before old ones go; a deployment whose tasks do not start is taken back.
            # How many there are is for the scaling to decide.
            deployment_configuration=kind.DeploymentConfigurationProperty(
                minimum_healthy_percent=NEVER_FEWER_PERCENT,
                maximum_percent=MOST_PERCENT,
                deployment_circuit_breaker=kind.DeploymentCircuitBreakerProperty(enable=True, rollback=True),
            ),
            health_check_grace_period_seconds=GRACE_SECONDS if targets else None,
            capacity_provider_strategy=[
                kind.CapacityProviderStrategyItemProperty(capacity_provider=self._settings.capacity, weight=1)
            ],
            # Without NAT a public address is the way out; its security group lets in the load balancer.
            network_configuration=kind.NetworkConfigurationProperty(
                awsvpc_configuration=kind.AwsVpcConfigurationProperty(
                    subnets=self._network.subnets, security_groups=[group], assign_public_ip="ENABLED"
                )
            ),
            load_balancers=[
                kind.LoadBalancerProperty(
                    target_group_arn=targets.ref,
                    container_name=container.key,
                    container_port=container.port,
                )
            ]
            if targets
            else None,
        )
        for way in (*self._network.way_out, *(self._balancer.rules if self._balancer else ())):
            service.add_resource_dependency(way)
        return service

    def _outputs(self, urls: dict[str, str], running: list[Container]) -> None:
        name = self._balancer.name if self._balancer else ""
        outputs = {
            **{f"{key.capitalize()}RepositoryUrl": url for key, url in urls.items()},
            "ServicesCluster": self._settings.name,
            "ServicesNames": ",".join(sorted(one.settings.service for one in running)),
            "ServicesUrl": balancer_url(self._settings, name) if name else "",
            "ServicesBalancer": name,
            "ServicesImageTag": self.deployment.image_tag or "",
        }
        for key, value in outputs.items():
            if value:
                CfnOutput(self, key, value=value)
