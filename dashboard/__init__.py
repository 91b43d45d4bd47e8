"""The Streamlit dashboard: the fleet's present from the live table, its past from Athena.

`app.py` is the front door. `pages/` are thin: they read through `data/` and draw what `views/` and `charts/`
make of it. `data/` holds the ports, their adapters on AWS, the cache, and every query (sql/dashboard). Views
and charts are pure functions of data, so tests need neither a browser nor a lake.

Must not: import anything of the project but `petrostream`; call AWS outside `data/adapters.py`; scan the lake
on a refresh; fetch anything off the machine.
"""
