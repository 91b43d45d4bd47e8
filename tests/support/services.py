"""Settings with the services on, in each of the forms that differ."""

from collections.abc import Callable
from typing import Any

from toolchain.twin import ACCOUNT, REGION

TAG = "1.2.3"
CERTIFICATE = f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/11111111-2222-3333-4444-555555555555"
COGNITO = {"kind": "cognito", "user_pool_id": f"{REGION}_AbC123", "client_id": "client", "domain": "lake"}
OIDC = {
    "kind": "oidc",
    "issuer": "https://id.example.com",
    "authorization_endpoint": "https://id.example.com/authorize",
    "token_endpoint": "https://id.example.com/token",
    "user_info_endpoint": "https://id.example.com/userinfo",
    "client_id": "client",
    "client_secret": "petrostream/dashboard",
}
OFFICE = ["198.51.100.0/24", "203.0.113.7/32"]

CALLER = f"arn:aws:iam::{ACCOUNT}:role/team/engineer"

Change = Callable[[dict[str, Any]], None]


def services(
    *, consumer: str = "service", dashboard: bool = False, callers: tuple[str, ...] = (), **access: Any
) -> Change:
    """A change of the settings that turns the services on."""

    def change(settings: dict[str, Any]) -> None:
        settings["services"]["enabled"] = True
        settings["services"]["dashboard"]["enabled"] = dashboard
        settings["services"]["scoring"]["callers"] = list(callers)
        settings["services"]["access"].update(access)
        settings["scoring"]["consumer"] = consumer

    return change


def everything(sign_in: dict[str, str] | None = None) -> Change:
    """The services with certificate, sign-in and dashboard."""
    return services(
        dashboard=True,
        callers=(CALLER,),
        allowed_cidrs=["0.0.0.0/0"],
        certificate_arn=CERTIFICATE,
        domain="lake.example.com",
        sign_in=sign_in or COGNITO,
    )


FORMS: dict[str, Change] = {
    "api only, nobody": services(consumer="lambda"),
    "consumer, nobody": services(),
    "consumer, office, no certificate": services(allowed_cidrs=OFFICE, dashboard=True),
    "everything, cognito": everything(),
    "everything, oidc": everything(OIDC),
}
