"""The list of alarms as one component: a refresh is one message, and the browser changes only what differs.

Built of Streamlit's own columns and buttons, a row took five elements, and a list of 25 rows more than half
the time of a refresh. A row that stays in its place also keeps the keyboard's focus.
"""

from collections.abc import Sequence

import streamlit as st

from dashboard.charts.marks import BY_PRIORITY, mark_html
from dashboard.views.alarms import AlarmRow
from petrostream.names import shown

_HTML = '<div class="ps-alarms" role="list" aria-label="Alarms, the most urgent first"></div>'

_JS = """
const made = (key, mark) => {
  const row = document.createElement('div');
  row.role = 'listitem';
  row.dataset.alarm = key;
  row.mark = mark;
  row.innerHTML = `<div>${mark}<div><b data-text></b> <span data-text></span>
    <div data-text></div><div data-text class="ps-meta"></div></div></div>
    <button type="button" class="ps-open">Open</button>`;
  const button = row.querySelector('button');
  button.ariaLabel = `Open ${key}`;
  button.title = `Evidence of ${key}, and what to do`;
  return row;
};

// On a small screen the opened alarm is below what is seen, and there is room for it only once it has grown.
const show = (panel) => {
  if (panel) {
    const grown = new ResizeObserver(() => panel.scrollIntoView({block: 'start', behavior: 'smooth'}));
    grown.observe(panel);
    setTimeout(() => grown.disconnect(), 3000);
  }
};

export default function ({data, parentElement, setTriggerValue}) {
  const list = parentElement.querySelector('.ps-alarms');
  const focused = document.activeElement;
  const gone = new Map([...list.children].map((row) => [row.dataset.alarm, row]));
  data.rows.forEach(({key, mark, texts, unacknowledged}, place) => {
    const old = gone.get(key);
    const row = old?.mark === mark ? old : made(key, mark);
    if (row === old) {
      gone.delete(key);
    }
    row.className = unacknowledged ? 'ps-row ps-new' : 'ps-row';
    row.querySelector('button').onclick = () => {
      setTriggerValue('opened', key);
      show(document.querySelector('.st-key-alarm_panel'));
    };
    // Texts may come from outside: they are set as text, never as markup.
    row.querySelectorAll('[data-text]').forEach((part, at) => {
      if (part.textContent !== texts[at]) {
        part.textContent = texts[at];
      }
    });
    if (list.children[place] !== row) {
      list.insertBefore(row, list.children[place] ?? null);
    }
  });
  gone.forEach((row) => row.remove());
  if (focused !== document.activeElement && focused?.isConnected) {
    focused.focus();
  }
}
"""

# In the page's own styles: rows look like the alarm that is opened.
_component = st.components.v2.component("petrostream_alarms", html=_HTML, js=_JS, isolate_styles=False)


def alarm_list(rows: Sequence[AlarmRow], key: str) -> str | None:
    """Show alarms in their order.

    Args:
        rows: the alarms.
        key: of the list; one alarm list of a page has it.

    Returns:
        The key of the alarm whose button was pressed since the last run, None if none was.
    """
    shown_rows = [
        {
            "key": row.key,
            "mark": mark_html(BY_PRIORITY[row.priority], 20),
            "texts": row_texts(row),
            "unacknowledged": row.unacknowledged,
        }
        for row in rows
    ]
    opened = _component(key=key, data={"rows": shown_rows}, on_opened_change=_noted).get("opened")
    return None if opened is None else str(opened)


def _noted() -> None:
    """Streamlit knows a trigger by its callback; what was pressed is in the result."""


def row_texts(row: AlarmRow) -> list[str]:
    """An alarm's well, its type and priority, its message, and its state, printable."""
    since = f" · for {row.since}" if row.since else ""
    texts = (row.well_id, f"{row.alarm_type} · {row.priority}", row.text, f"{row.state}{since}")
    return [shown(text) for text in texts]
