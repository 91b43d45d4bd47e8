"""What the pages show, as pure functions of data: tiles, rows, and charts of Altair.

Must not: read data, keep state, or call Streamlit.
"""
