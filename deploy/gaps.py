"""What the emulator of the local twin lacks: the steps that differ there, each with its reason.

A step that is left out is reported (`deploy.output.Output.left_out`).
"""

from collections.abc import Mapping

GAPS: Mapping[str, str] = {
    "guardrails": "its CloudFormation lacks AWS::Budgets; infra/cdk leaves alarms and guardrails out there",
    "views": "it has no views; it expands those of sql/views in every query by itself",
    "named queries": "its CloudFormation lacks AWS::Athena::NamedQuery; they are saved through Athena's API",
    "enhanced fan-out": "its CloudFormation lacks AWS::Kinesis::StreamConsumer, and its event source mapping "
    "reads streams only",
    "bootstrap": "it refuses the roles of `cdk bootstrap`; the caller's own credentials deploy",
    "roles by tag": "its tagging API knows no streams, Firehoses, log groups or alarms; names find those",
}
"""Gap by name, with the reason."""


def left_out(gap: str) -> str:
    """The line that reports a step left out on the emulator.

    Raises:
        KeyError: the gap is not listed.
    """
    return f"On the emulator without {gap}: {GAPS[gap]}."
