"""The load balancer of the services. HTTPS with the certificate of the settings; without one plain HTTP."""

from dataclasses import dataclass

from aws_cdk import Stack
from aws_cdk import aws_elasticloadbalancingv2 as elb

from infra.cdk.common import arn
from infra.cdk.services_network import HTTP, HTTPS, Network
from infra.cdk.services_tasks import Container
from infra.settings_services import CognitoSignIn, OidcSignIn, ServicesSettings

TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
SESSION_SECONDS = 28_800
DAY_SECONDS = 86_400
API_PATHS = ["/v1/*", "/health", "/ready", "/metrics"]

_NOTHING = elb.CfnListener.ActionProperty(
    type="fixed-response",
    fixed_response_config=elb.CfnListener.FixedResponseConfigProperty(
        status_code="404", content_type="text/plain", message_body="Nothing here."
    ),
)
_TO_HTTPS = elb.CfnListener.ActionProperty(
    type="redirect",
    redirect_config=elb.CfnListener.RedirectConfigProperty(
        status_code="HTTP_301", port=str(HTTPS), protocol="HTTPS"
    ),
)


@dataclass(frozen=True, slots=True)
class Balancer:
    """The load balancer.

    Attributes:
        name: its DNS name.
        targets: target group of each container, by key.
        rules: what a service must wait for.
    """

    name: str
    targets: dict[str, elb.CfnTargetGroup]
    rules: list[elb.CfnListenerRule]


def balancer(
    stack: Stack, settings: ServicesSettings, network: Network, group: str, containers: list[Container]
) -> Balancer:
    """A load balancer with a target group and a rule for each container."""
    made = elb.CfnLoadBalancer(
        stack,
        "Balancer",
        name=settings.name,
        type="application",
        scheme="internet-facing",
        subnets=network.subnets,
        security_groups=[group],
        load_balancer_attributes=[
            elb.CfnLoadBalancer.LoadBalancerAttributeProperty(key=key, value=value)
            for key, value in {
                # It goes with the rest: what is switched off costs nothing.
                "deletion_protection.enabled": "false",
                "routing.http.desync_mitigation_mode": "defensive",
                "routing.http.drop_invalid_header_fields.enabled": "true",
            }.items()
        ],
    )
    for way in network.way_out:
        made.add_resource_dependency(way)
    entrance = _entrance(stack, settings, made.ref)
    targets = {one.key: _targets(stack, one, network) for one in containers}
    rules = [_rule(stack, settings, entrance, one, targets[one.key].ref) for one in containers]
    return Balancer(made.attr_dns_name, targets, rules)


def _entrance(stack: Stack, settings: ServicesSettings, balancer_arn: str) -> str:
    """The listeners; the ARN of the one that serves."""
    certificate = settings.access.certificate_arn
    http = elb.CfnListener(
        stack,
        "Http",
        load_balancer_arn=balancer_arn,
        port=HTTP,
        protocol="HTTP",
        default_actions=[_TO_HTTPS if certificate else _NOTHING],
    )
    if certificate is None:
        return http.ref
    https = elb.CfnListener(
        stack,
        "Https",
        load_balancer_arn=balancer_arn,
        port=HTTPS,
        protocol="HTTPS",
        ssl_policy=TLS_POLICY,
        certificates=[elb.CfnListener.CertificateProperty(certificate_arn=certificate)],
        default_actions=[_NOTHING],
    )
    return https.ref


def _targets(stack: Stack, container: Container, network: Network) -> elb.CfnTargetGroup:
    # As long as a request may take; the service finishes those in work by itself.
    attributes = {"deregistration_delay.timeout_seconds": "30"}
    if container.key == "dashboard":  # one task keeps a session
        attributes |= {
            "stickiness.enabled": "true",
            "stickiness.type": "lb_cookie",
            "stickiness.lb_cookie.duration_seconds": str(DAY_SECONDS),
        }
    return elb.CfnTargetGroup(
        stack,
        f"{container.name}Targets",
        name=container.settings.service,
        vpc_id=network.vpc,
        target_type="ip",
        port=container.port,
        protocol="HTTP",
        health_check_path=container.ready,
        health_check_interval_seconds=15,
        health_check_timeout_seconds=5,
        healthy_threshold_count=2,
        unhealthy_threshold_count=3,
        matcher=elb.CfnTargetGroup.MatcherProperty(http_code="200"),
        target_group_attributes=[
            elb.CfnTargetGroup.TargetGroupAttributeProperty(key=key, value=value)
            for key, value in attributes.items()
        ],
    )


def _rule(
    stack: Stack, settings: ServicesSettings, listener: str, container: Container, targets: str
) -> elb.CfnListenerRule:
    """Where paths go. The API asks for keys itself; in front of the dashboard people sign in."""
    dashboard = container.key == "dashboard"
    signing = _sign_in(stack, settings) if dashboard else []
    order = 2 if dashboard else None
    forward = elb.CfnListenerRule.ActionProperty(type="forward", target_group_arn=targets, order=order)
    return elb.CfnListenerRule(
        stack,
        f"{container.name}Rule",
        listener_arn=listener,
        priority=20 if dashboard else 10,
        actions=[*signing, forward],
        conditions=[
            elb.CfnListenerRule.RuleConditionProperty(
                field="path-pattern",
                path_pattern_config=elb.CfnListenerRule.PathPatternConfigProperty(
                    values=["/*"] if dashboard else API_PATHS
                ),
            )
        ],
    )


def _sign_in(stack: Stack, settings: ServicesSettings) -> list[elb.CfnListenerRule.ActionProperty]:
    rule = elb.CfnListenerRule
    match settings.access.sign_in:
        case CognitoSignIn() as pool:
            config = rule.AuthenticateCognitoConfigProperty(
                user_pool_arn=arn(stack, "cognito-idp", f"userpool/{pool.user_pool_id}"),
                user_pool_client_id=pool.client_id,
                user_pool_domain=pool.domain,
                on_unauthenticated_request="authenticate",
                session_timeout=SESSION_SECONDS,
            )
            return [
                rule.ActionProperty(type="authenticate-cognito", order=1, authenticate_cognito_config=config)
            ]
        case OidcSignIn() as provider:
            oidc = rule.AuthenticateOidcConfigProperty(
                issuer=provider.issuer,
                authorization_endpoint=provider.authorization_endpoint,
                token_endpoint=provider.token_endpoint,
                user_info_endpoint=provider.user_info_endpoint,
                client_id=provider.client_id,
                # CloudFormation reads it when it deploys; it is in no template.
                client_secret=f"{{{{resolve:secretsmanager:{provider.client_secret}:SecretString}}}}",
                on_unauthenticated_request="authenticate",
                scope="openid email",
                session_timeout=SESSION_SECONDS,
            )
            return [rule.ActionProperty(type="authenticate-oidc", order=1, authenticate_oidc_config=oidc)]
    return []


def balancer_url(settings: ServicesSettings, name: str) -> str:
    """Address of the load balancer of that name."""
    return f"https://{settings.access.domain}" if settings.access.certificate_arn else f"http://{name}"
