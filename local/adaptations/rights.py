"""IAM: a batch of messages needs the right that AWS asks for.

Why: the emulator weighs every call by the name of its operation. SNS has no right `sns:PublishBatch`;
`sns:Publish` covers both operations (Amazon SNS Developer Guide, "Amazon SNS API permissions").
"""

from collections.abc import Callable, Mapping

from local.adaptations import guard

_KNOWN = {"extract_iam_action": "ec476b92d969822b"}
_COVERED_BY: Mapping[str | None, str] = {"sns:PublishBatch": "sns:Publish"}


def install() -> None:
    """Put the adaptation in place.

    Raises:
        IncompatibleEmulatorError: the emulator's rights are not the known ones.
    """
    # The emulator reads its variables when it is imported.
    from ministack.core import iam_actions  # noqa: PLC0415

    guard.check(iam_actions, _KNOWN)
    guard.replace(iam_actions, "extract_iam_action", _covered(iam_actions.extract_iam_action))


def _covered(original: Callable[..., str | None]) -> Callable[..., str | None]:
    def extract_iam_action(*call: object, **options: object) -> str | None:
        action = original(*call, **options)
        return _COVERED_BY.get(action, action)

    return extract_iam_action
