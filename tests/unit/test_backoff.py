from hypothesis import given
from hypothesis import strategies as st

from petrostream.aws.calls import error_code, repeatable
from petrostream.backoff import Backoff, Deadline
from tests.support.fakes import refusal


class Time:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now = 100.0
        self.slept = []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


def patient(time, **changes):
    return Backoff(**{"limit": 6, "base": 1.0, "cap": 5.0, "sleep": time.sleep, "draw": max, **changes})


def test_ceilings_double_up_to_the_cap():
    time = Time()
    assert list(patient(time).attempts()) == [0, 1, 2, 3, 4, 5]
    assert time.slept == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_no_wait_after_success():
    time = Time()
    for attempt in patient(time).attempts():
        if attempt == 1:
            break
    assert time.slept == [1.0]


def test_no_wait_passes_the_deadline():
    time = Time()
    deadline = Deadline.after(3.5, lambda: time.now)
    assert list(patient(time).attempts(deadline)) == [0, 1, 2]
    assert deadline.remaining() == 0.5


def test_there_is_always_a_first_attempt():
    time = Time()
    assert list(patient(time).attempts(Deadline.after(0, lambda: time.now))) == [0]


@given(limit=st.integers(1, 30), seconds=st.floats(0, 60), share=st.floats(0, 1))
def test_waits_keep_within_their_ceilings_and_the_deadline(limit, seconds, share):
    time = Time()
    deadline = Deadline.after(seconds, lambda: time.now)
    backoff = Backoff(limit, 0.1, 5.0, time.sleep, lambda low, high: low + share * (high - low))
    attempts = list(backoff.attempts(deadline))
    assert 1 <= len(attempts) <= limit
    assert all(wait <= min(5.0, 0.1 * 2**i) for i, wait in enumerate(time.slept))
    assert not time.slept or time.now < 100.0 + seconds


def test_transient_errors_are_distinguished_from_permanent_ones():
    assert repeatable(refusal("ThrottlingException", "X"))
    assert repeatable(refusal("InternalServerError", "X"))
    assert repeatable(ConnectionResetError("reset"))
    assert not repeatable(refusal("AccessDeniedException", "X"))
    assert not repeatable(KeyError("bug"))
    assert error_code(refusal("AccessDeniedException", "X")) == "AccessDeniedException"
    assert error_code(TimeoutError()) == "TimeoutError"


def test_a_response_lost_in_botocore_is_transient():
    from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

    for kind in (ConnectTimeoutError, ReadTimeoutError, EndpointConnectionError):
        assert repeatable(kind(endpoint_url="http://127.0.0.1", error="x"))
