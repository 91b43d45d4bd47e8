"""The alarm that was opened: its evidence, and operators' actions at the desk of `petrostream alarms`."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.charts.marks import BY_PRIORITY, mark_html, safe
from dashboard.charts.states import explained
from dashboard.charts.tables import facts_html
from dashboard.state import reader
from dashboard.views.alarms import facts, key_of
from petrostream.alarms import OperatorRequest
from petrostream.aws.alarm_desk import TagView
from petrostream.names import shown

ALARM_KEY = "alarm"
OPERATOR_KEY = "operator"
DONE_KEY = "done"
ACTIONS = {
    "acknowledge": "Acknowledge",
    "comment": "Comment",
    "shelve": "Shelve",
    "unshelve": "Unshelve",
    "remove": "Remove from service",
    "return": "Return to service",
}
"""Actions of `petrostream.alarms`, as the form names them."""


@st.fragment
def show() -> None:
    """The opened alarm; interaction reruns this part alone, and no refresh touches what is being typed."""
    key = st.session_state.get(ALARM_KEY)
    with st.container(border=True, key="alarm_panel"):
        if key is None:
            st.caption("Open an alarm to see its evidence, and to acknowledge, shelve or comment on it.")
            return
        with explained():
            present = reader().present()
            view = next((view for view in present.tags if key_of(view) == key), None)
            if view is None:
                st.markdown("**This alarm is normal again**, and nobody has anything to acknowledge.")
                st.caption("`petrostream sql` on alarm_history has what happened to it.")
                _outcome()
                return
            _show(view, present.now_ms)


def _show(view: TagView, now_ms: int) -> None:
    record = view.record
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.html(
            f'<div class="ps-row">{mark_html(BY_PRIORITY[record.priority], 22)}<div>'
            f"<b>{safe(record.well_id)}</b> {safe(record.alarm_type)} · {safe(record.priority)} · "
            f"{safe(view.facility_id)}"
            f"<div>{safe(record.sentence or 'Suppressed by design: no message.')}</div></div></div>"
        )
        st.html(facts_html(facts(view, now_ms)))
        st.page_link("screens/well.py", label="Show the well", query_params={"well": record.well_id})
    with right:
        # Above the form: below its button, an answer may be out of sight.
        said = st.container()
        with said:
            _outcome()
        _form(view, said)


def _form(view: TagView, said: DeltaGenerator) -> None:
    action = st.selectbox("Action", ACTIONS, key="action", format_func=ACTIONS.__getitem__)
    with st.form("act", border=False, clear_on_submit=True):
        hours = None
        if action == "shelve":
            hours = st.number_input("Hours, at most 12", min_value=0.25, max_value=12.0, value=1.0, step=0.25)
        comment = st.text_input("Comment, for the alarm history", key="comment", max_chars=500)
        who = st.text_input(
            "Who acts", key=OPERATOR_KEY, value=reader().ports.settings.operator, max_chars=100
        )
        if st.form_submit_button(ACTIONS[action], type="primary"):
            with said, explained():
                _act(view, OperatorRequest(action, who.strip(), comment.strip(), hours))


def _act(view: TagView, request: OperatorRequest) -> None:
    record = view.record
    done = reader().act(record.well_id, record.alarm_type, request)
    state = done.record.state(reader().ports.clock()).replace("_", " ")
    wait = "" if done.delivered else " Its row in alarm_history follows with the next action."
    event = done.action.event.replace("_", " ")
    st.session_state[DONE_KEY] = f"{shown(record.well_id)}, {record.alarm_type}: {event}, now {state}.{wait}"
    st.rerun()


def _outcome() -> None:
    """What the last action did, once."""
    if done := st.session_state.pop(DONE_KEY, None):
        st.html(f'<div role="status" data-done>{safe(done)}</div>')
