"""The services' VPC, without NAT: public addresses, closed security groups, gateway endpoints (ADR 16)."""

import ipaddress
from dataclasses import dataclass

from aws_cdk import Aws, CfnTag, Fn, Stack
from aws_cdk import aws_ec2 as ec2

from infra.settings_services import ServicesSettings

ANYWHERE = "0.0.0.0/0"
HTTP, HTTPS = 80, 443


@dataclass(frozen=True, slots=True)
class Network:
    """The VPC.

    Attributes:
        vpc: its id.
        subnets: ids of its subnets, all public.
        way_out: what a task or load balancer must wait for: route and associations.
    """

    vpc: str
    subnets: list[str]
    way_out: list[ec2.CfnRoute | ec2.CfnSubnetRouteTableAssociation]


def _named(settings: ServicesSettings, suffix: str = "") -> list[CfnTag]:
    return [CfnTag(key="Name", value=f"{settings.name}{suffix}")]


def network(stack: Stack, settings: ServicesSettings) -> Network:
    """A VPC with a public subnet in each zone, its way out, and gateway endpoints."""
    vpc = ec2.CfnVPC(
        stack,
        "Vpc",
        cidr_block=settings.network,
        enable_dns_hostnames=True,
        enable_dns_support=True,
        tags=_named(settings),
    )
    gateway = ec2.CfnInternetGateway(stack, "InternetGateway", tags=_named(settings))
    attached = ec2.CfnVPCGatewayAttachment(
        stack, "Attachment", vpc_id=vpc.ref, internet_gateway_id=gateway.ref
    )
    table = ec2.CfnRouteTable(stack, "Routes", vpc_id=vpc.ref, tags=_named(settings))
    route = ec2.CfnRoute(
        stack,
        "Internet",
        route_table_id=table.ref,
        destination_cidr_block=ANYWHERE,
        gateway_id=gateway.ref,
    )
    route.add_resource_dependency(attached)
    way_out: list[ec2.CfnRoute | ec2.CfnSubnetRouteTableAssociation] = [route]
    subnets = []
    blocks = ipaddress.IPv4Network(settings.network).subnets(prefixlen_diff=2)
    for number, block in zip(range(settings.zones), blocks, strict=False):
        subnet = ec2.CfnSubnet(
            stack,
            f"Subnet{number + 1}",
            vpc_id=vpc.ref,
            availability_zone=Fn.select(number, Fn.get_azs()),
            cidr_block=str(block),
            map_public_ip_on_launch=False,
            tags=_named(settings, f"-{number + 1}"),
        )
        way_out.append(
            ec2.CfnSubnetRouteTableAssociation(
                stack, f"Association{number + 1}", subnet_id=subnet.ref, route_table_id=table.ref
            )
        )
        subnets.append(subnet.ref)
    _endpoints(stack, settings, vpc.ref, table.ref)
    return Network(vpc.ref, subnets, way_out)


def _endpoints(stack: Stack, settings: ServicesSettings, vpc: str, table: str) -> None:
    """Ways to S3 and DynamoDB that cost nothing."""
    for service in ("dynamodb", "s3"):
        ec2.CfnVPCEndpoint(
            stack,
            f"{service.capitalize()}Endpoint",
            vpc_id=vpc,
            service_name=f"com.amazonaws.{Aws.REGION}.{service}",
            vpc_endpoint_type="Gateway",
            route_table_ids=[table],
            tags=_named(settings, f"-{service}"),
        )


def task_group(stack: Stack, name: str, service: str, network: Network) -> ec2.CfnSecurityGroup:
    """A security group of tasks: out over TLS, nobody in."""
    group = ec2.CfnSecurityGroup(
        stack,
        f"{name}Group",
        group_name=service,
        group_description=f"Tasks of {service}",
        vpc_id=network.vpc,
    )
    ec2.CfnSecurityGroupEgress(
        stack,
        f"{name}Out",
        group_id=group.attr_group_id,
        description="AWS, over TLS",
        cidr_ip=ANYWHERE,
        from_port=HTTPS,
        to_port=HTTPS,
        ip_protocol="tcp",
    )
    return group


def balancer_group(stack: Stack, settings: ServicesSettings, network: Network) -> ec2.CfnSecurityGroup:
    """The load balancer's security group: the settings' networks in, and out to whom it signs in with."""
    access = settings.access
    group = ec2.CfnSecurityGroup(
        stack,
        "BalancerGroup",
        group_name=f"{settings.name}-balancer",
        group_description="Who may reach the load balancer, and what it may reach",
        vpc_id=network.vpc,
    )
    # With a certificate, port 80 answers with the address of the other.
    ports = (HTTP, HTTPS) if access.certificate_arn else (HTTP,)
    for number, cidr in enumerate(access.allowed_cidrs, start=1):
        for port in ports:
            ec2.CfnSecurityGroupIngress(
                stack,
                f"Allowed{number}Port{port}",
                group_id=group.attr_group_id,
                description="services.access.allowed_cidrs",
                cidr_ip=cidr,
                from_port=port,
                to_port=port,
                ip_protocol="tcp",
            )
    if access.sign_in:
        ec2.CfnSecurityGroupEgress(
            stack,
            "SignInOut",
            group_id=group.attr_group_id,
            description="The provider that people sign in with",
            cidr_ip=ANYWHERE,
            from_port=HTTPS,
            to_port=HTTPS,
            ip_protocol="tcp",
        )
    return group


def let_through(
    stack: Stack,
    name: str,
    service: str,
    port: int,
    groups: tuple[ec2.CfnSecurityGroup, ec2.CfnSecurityGroup],
) -> None:
    """Let the load balancer reach the tasks of a service, from the first group to the second."""
    balancer, task = groups
    ec2.CfnSecurityGroupEgress(
        stack,
        f"To{name}",
        group_id=balancer.attr_group_id,
        description=f"The tasks of {service}",
        destination_security_group_id=task.attr_group_id,
        from_port=port,
        to_port=port,
        ip_protocol="tcp",
    )
    ec2.CfnSecurityGroupIngress(
        stack,
        f"{name}In",
        group_id=task.attr_group_id,
        description="The load balancer and nobody else",
        source_security_group_id=balancer.attr_group_id,
        from_port=port,
        to_port=port,
        ip_protocol="tcp",
    )
