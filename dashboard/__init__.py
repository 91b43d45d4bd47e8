"""The Streamlit dashboard: the fleet's present from the live table, its past from Athena.

`app.py` is the front door, and lists the pages of `screens/`. That folder is not called `pages`: Streamlit
would serve its files by themselves to the first browser, without `app.py`. A page shows `panels/`, which
read through `data/` and draw what `views/` and `charts/` make of it. `data/` has the ports, their adapters on
AWS, the cache, and a function for each query of `sql/dashboard`. Views are pure functions of data: their
tests need neither a browser nor a lake.

Must not: import anything of the project but `petrostream`; call AWS outside `data/adapters.py`; scan the lake
on a refresh; fetch anything off the machine.
"""
