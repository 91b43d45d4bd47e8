"""Who hears of everything on the alert topic of a running lake."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
from botocore.exceptions import ClientError

from examples.alert_subscriber import subscribe

Heard = Counter[str]
"""How often each transition came."""


class Listener:
    """A queue that is subscribed to the topic.

    Args:
        name: of the queue.
    """

    def __init__(self, name: str) -> None:
        self._sqs, self._sns = boto3.client("sqs"), boto3.client("sns")
        self._url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        topics = [topic["TopicArn"] for topic in self._sns.list_topics()["Topics"]]
        (topic,) = [arn for arn in topics if arn.endswith(":petrostream-alerts")]
        self._subscription = subscribe(self._sqs, self._sns, self._url, topic, None)

    def heard(self) -> Heard:
        """What has come since it was asked last."""
        heard: Heard = Counter()
        while messages := self._sqs.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=1
        ).get("Messages"):
            for message in messages:
                heard[json.loads(message["Body"])["detail"]["transition_id"]] += 1
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return heard

    def close(self) -> None:
        """Unsubscribe, and delete the queue.

        Raises:
            ClientError: it is not there any more.
        """
        self._sns.unsubscribe(SubscriptionArn=self._subscription)
        self._sqs.delete_queue(QueueUrl=self._url)


@contextmanager
def listening(name: str) -> Iterator[Listener]:
    """A listener for as long as the emulator lives: its queues and subscriptions do not outlive it."""
    listener = Listener(name)
    try:
        yield listener
    finally:
        try:
            listener.close()
        except ClientError as error:
            if not error.response["Error"]["Code"].endswith(("NonExistentQueue", "NotFound")):
                raise
