import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from petrostream.aws.record_data import decoded
from petrostream.lake import NOT_BASE64


def by_the_standard_library(text):
    try:
        return base64.b64decode(text, validate=True), None
    except ValueError:
        return text.encode(), NOT_BASE64


@given(st.binary(max_size=200))
def test_data_is_decoded(data):
    assert decoded(base64.b64encode(data).decode()) == (data, None)


@pytest.mark.parametrize("text", ["@@@ not base64", "QUJD\n", "QUJ", "=QUJD", "QUJD QUJD", "QUJDé", "QQ-_"])
def test_text_that_is_not_base64_is_kept_as_it_is(text):
    assert decoded(text) == (text.encode(), NOT_BASE64)


@given(st.text("AZaz09+/=-_ \n\té\0", max_size=12))
@example("QUJDRA=")
@example("QUJD=")
@example("QUJD==")
@example("QR==")
def test_what_is_base64_is_as_the_standard_library_has_it(text):
    assert decoded(text) == by_the_standard_library(text)
