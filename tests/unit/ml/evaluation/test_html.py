"""The HTML report shows names as text: neither markup nor control characters of a name take effect."""

from ml.evaluation import html


def test_a_name_in_a_table_is_text():
    table = html.table_of({"<script>x</script>\x1b\u202e": {"n": 1}}, [("count <", "n", 0, 1.0)])
    assert "<script>" not in table
    assert "&lt;script&gt;x&lt;/script&gt;\\x1b\\u202e" in table
    assert "count &lt;" in table
