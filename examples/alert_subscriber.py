"""A subscriber of the alert topic: prints urgent changes as they come.

    python examples/alert_subscriber.py arn:aws:sns:us-east-1:123456789012:petrostream-alerts

It makes an SQS queue, subscribes it with a filter, and reads. SNS and SQS may deliver a message twice, so it
remembers which it has seen. Interrupt it to end; `--keep` leaves queue and subscription for the next time.
"""

import argparse
import json
from collections import deque
from collections.abc import Iterator
from typing import Any

from petrostream.aws.clients import client
from toolchain.version_option import add_version

QUEUE = "petrostream-alert-example"
URGENT = {"$or": [{"priority": ["critical", "high"]}, {"status": ["ALERT"]}]}
REMEMBERED = 10_000


def main() -> None:
    """Subscribe and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("topic", help="ARN of the topic: output AlertTopicArn of the deployment")
    parser.add_argument("--everything", action="store_true", help="not the urgent ones alone")
    parser.add_argument("--keep", action="store_true", help="leave queue and subscription when done")
    add_version(parser)
    arguments = parser.parse_args()
    sqs, sns = client("sqs"), client("sns")
    queue = sqs.create_queue(QueueName=QUEUE)["QueueUrl"]
    subscription = subscribe(sqs, sns, queue, arguments.topic, None if arguments.everything else URGENT)
    try:
        for event in events(sqs, queue):
            print(line(event), flush=True)
    except KeyboardInterrupt:
        pass
    finally:
        if not arguments.keep:
            sns.unsubscribe(SubscriptionArn=subscription)
            sqs.delete_queue(QueueUrl=queue)


def subscribe(sqs: Any, sns: Any, queue: str, topic: str, wanted: dict[str, Any] | None) -> str:  # noqa: ANN401
    """Allow only the topic to write to the queue; returns the subscription's ARN."""
    answer = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    arn = answer["Attributes"]["QueueArn"]
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
            }
        ],
    }
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
    attributes = {"RawMessageDelivery": "true"}
    if wanted is not None:
        attributes["FilterPolicy"] = json.dumps(wanted)
    made = sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes, ReturnSubscriptionArn=True
    )
    return str(made["SubscriptionArn"])


def events(sqs: Any, queue: str) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    """Events as they come, each once; a message is deleted when the next one is asked for."""
    seen: deque[str] = deque(maxlen=REMEMBERED)
    while True:
        answer = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            event = json.loads(message["Body"])
            if event["id"] not in seen:
                seen.append(event["id"])
                yield event
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


def line(event: dict[str, Any]) -> str:
    """An event in a line."""
    detail = event["detail"]
    what = detail.get("sentence") or detail.get("reason") or f"risk {detail.get('risk_score')}"
    state = detail.get("status") or f"{detail['alarm_type']} {detail['event']} ({detail['priority']})"
    likely = f" [{detail['likely_event']}: {detail['evidence']}]" if "likely_event" in detail else ""
    return f"{event['time']}  {detail['facility_id']} {detail['well_id']}  {state}: {what}{likely}"


if __name__ == "__main__":
    main()
