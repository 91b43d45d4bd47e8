"""The roles of GitHub's workflows: two without keys, one that plans from the branch, one that deploys."""

from typing import Any

from aws_cdk import Aws, CfnCondition, CfnOutput, CfnParameter, CfnResource, Duration, Fn, Stack
from aws_cdk import ICfnRuleConditionExpression as Condition
from aws_cdk import aws_iam as iam

from infra.cdk.ops import cdk_place
from infra.settings import Settings
from infra.watch import policy

GITHUB = "token.actions.githubusercontent.com"
"""The host of GitHub's OIDC provider, which is also the prefix of its condition keys."""

REPOSITORY_PATTERN = r"[A-Za-z0-9](-?[A-Za-z0-9]){0,38}/[A-Za-z0-9._-]{1,100}"
"""An owner and a repository as GitHub allows them; no wildcard passes."""

PROVIDER_PATTERN = r"arn:aws[a-z-]*:iam::\d{12}:oidc-provider/token\.actions\.githubusercontent\.com"

_CONDITION = "AssumeRolePolicyDocument.Statement.0.Condition"


class GitHubRoles:
    """GitHub's provider, the two roles, and the policy that both have.

    A token names its repository in one of two forms: `repo:owner/name:…`, or, for repositories made, renamed
    or moved since July 2026, `repo:owner@1/name@2:…` with numbers that are never given again. Both are
    accepted. With the numbers a role is for that very repository; without them for any of its name, as the
    claim `repository` says, since a pattern alone would let another name pass.

    Args:
        scope: the stack of the guardrails.
        settings: the settings.
    """

    def __init__(self, scope: Stack, settings: Settings) -> None:
        self._scope = scope
        self._settings = settings
        self._repository = self._parameter(
            "GitHubRepository",
            "The GitHub repository that may deploy, as owner/name; empty makes no roles for it",
            REPOSITORY_PATTERN,
            "must be owner/name, without wildcards, or empty",
        )
        self._owner_id, self._repository_id = (
            self._parameter(
                f"GitHub{what}Id", f"GitHub's number of the {what.lower()}; empty if unknown", r"\d{1,20}",
                "must be a number, or empty",
            )
            for what in ("Owner", "Repository")
        )  # fmt: skip
        named = Fn.condition_not(Fn.condition_equals(self._repository, ""))
        self._given = CfnCondition(scope, "FromGitHub", expression=named)
        both = Fn.condition_and(
            *(Fn.condition_not(Fn.condition_equals(one, "")) for one in (self._owner_id, self._repository_id))
        )
        self._pinned = CfnCondition(scope, "OneRepository", expression=both)
        self._roles(self._provider(named))

    def _parameter(self, name: str, description: str, pattern: str, constraint: str) -> CfnParameter:
        return CfnParameter(
            self._scope,
            name,
            type="String",
            default="",
            description=description,
            allowed_pattern=f"^({pattern})?$",
            constraint_description=constraint,
        )

    def _document(self, name: str) -> iam.PolicyDocument:
        return iam.PolicyDocument.from_json(policy(name, self._settings, cdk_place()))

    def _roles(self, provider: str) -> None:
        project, access = self._settings.project, self._settings.access
        read = self._managed("plan", "Reads how everything of PetroStream is set up, and no data")
        jobs = self._managed("deploy_jobs", "Deploys the jobs of PetroStream")
        more = [self._services(), self._spark()]
        attached = {
            "plan": [read, *(one for pair in more for one in pair[:1])],
            "deploy": [read, jobs, *(one for pair in more for one in pair)],
        }
        context = {"plan": f"ref:refs/heads/{access.branch}", "deploy": f"environment:{access.environment}"}
        for name, subject in context.items():
            role = iam.Role(
                self._scope,
                name.capitalize(),
                role_name=f"{project}-{name}-{Aws.REGION}",
                assumed_by=iam.FederatedPrincipal(provider, {}, "sts:AssumeRoleWithWebIdentity"),
                max_session_duration=Duration.minutes(access.session_minutes),
                managed_policies=attached[name],
                inline_policies={} if name == "plan" else {"deploy": self._document("deploy")},
            )
            self._only_for_github(role).add_property_override(_CONDITION, self._trust(subject))
            CfnOutput(self._scope, f"{name.capitalize()}RoleArn", value=role.role_arn, condition=self._given)

    def _managed(self, name: str, description: str) -> iam.ManagedPolicy:
        """The policy of a file as one of its own: a role's inline policies have no room for all."""
        words = [word.capitalize() for word in name.split("_")]
        policy = iam.ManagedPolicy(
            self._scope,
            f"{''.join(words)}Policy",
            managed_policy_name=f"{self._settings.project}-{name.replace('_', '-')}-{Aws.REGION}",
            description=description,
            document=self._document(name),
        )
        self._only_for_github(policy)
        return policy

    def _services(self) -> list[iam.ManagedPolicy]:
        """The rights on the services, to plan and to deploy."""
        if not self._settings.services.enabled:
            return []
        return [
            self._managed("plan_services", "Reads how the services of PetroStream are set up"),
            self._managed("deploy_services", "Deploys the services of PetroStream"),
        ]

    def _spark(self) -> list[iam.ManagedPolicy]:
        """The rights on the Spark application, to plan and to deploy."""
        if not self._settings.spark.enabled:
            return []
        return [
            self._managed("plan_spark", "Reads how Spark of PetroStream is set up"),
            self._managed("deploy_spark", "Deploys Spark of PetroStream"),
        ]

    def _trust(self, subject: str) -> dict[str, Any]:
        """What a token must say: for AWS, of that branch, and from that branch or environment exactly."""
        repository = self._repository.value_as_string
        owner, name = (Fn.select(part, Fn.split("/", repository)) for part in (0, 1))
        numbers = self._owner_id.value_as_string, self._repository_id.value_as_string
        always = {
            f"{GITHUB}:aud": "sts.amazonaws.com",
            f"{GITHUB}:ref": f"refs/heads/{self._settings.access.branch}",
        }
        plain = f"repo:{repository}:{subject}"
        exact = f"repo:{owner}@{numbers[0]}/{name}@{numbers[1]}:{subject}"
        of_that_one = {f"{GITHUB}:repository_id": numbers[1], f"{GITHUB}:sub": [plain, exact]}
        any_number = f"repo:{owner}@*/{name}@*:{subject}"
        return {
            "Fn::If": [
                self._pinned.logical_id,
                {"StringEquals": {**always, **of_that_one}},
                {
                    "StringEquals": {**always, f"{GITHUB}:repository": repository},
                    "StringLike": {f"{GITHUB}:sub": [plain, any_number]},
                },
            ]
        }

    def _only_for_github(self, construct: iam.Role | iam.ManagedPolicy) -> CfnResource:
        """Makes a resource depend on whether a repository is named; returns it."""
        resource = construct.node.default_child
        assert isinstance(resource, CfnResource)
        resource.cfn_options.condition = self._given
        return resource

    def _provider(self, named: Condition) -> str:
        """GitHub's provider. An account can have it once, so one that is there can be named."""
        known = self._parameter(
            "GitHubProviderArn",
            "ARN of GitHub's OIDC provider if the account has it already; empty creates it",
            PROVIDER_PATTERN,
            "must be the ARN of GitHub's OIDC provider, or empty",
        )
        missing = Fn.condition_and(named, Fn.condition_equals(known, ""))
        create = CfnCondition(self._scope, "CreateGitHubProvider", expression=missing)
        created = iam.CfnOIDCProvider(
            self._scope, "GitHubProvider", url=f"https://{GITHUB}", client_id_list=["sts.amazonaws.com"]
        )
        created.cfn_options.condition = create
        return Fn.condition_if(create.logical_id, created.attr_arn, known.value_as_string).to_string()
