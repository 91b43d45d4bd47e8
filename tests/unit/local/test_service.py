"""The stream is taken from the function, and given back as it was."""

import pytest

from local import service


class Mappings:
    """The function's event source mappings, by id whether each is on."""

    def __init__(self, **enabled):
        self.enabled = enabled

    def list_event_source_mappings(self, FunctionName):  # noqa: N803 - boto3's own
        assert FunctionName == "petrostream-scoring"
        states = {True: "Enabled", False: "Disabled"}
        return {
            "EventSourceMappings": [{"UUID": uuid, "State": states[on]} for uuid, on in self.enabled.items()]
        }

    def update_event_source_mapping(self, UUID, Enabled):  # noqa: N803 - boto3's own
        self.enabled[UUID] = Enabled


def test_the_function_gets_back_what_it_had_and_nothing_else(monkeypatch):
    mappings = Mappings(on=True, off=False)
    monkeypatch.setattr(service, "client", lambda _name: mappings)
    with service.instead_of_the_function():
        assert mappings.enabled == {"on": False, "off": False}
        with service.instead_of_the_function():
            pass
        assert mappings.enabled == {"on": False, "off": False}
    assert mappings.enabled == {"on": True, "off": False}


def test_the_function_gets_the_stream_back_after_a_failure(monkeypatch):
    mappings = Mappings(on=True)
    monkeypatch.setattr(service, "client", lambda _name: mappings)
    with pytest.raises(RuntimeError, match="task"), service.instead_of_the_function():
        raise RuntimeError("the task did not start")
    assert mappings.enabled == {"on": True}
