"""Where the dashboard's figures come from: ports, adapters on AWS, cache, and queries.

Must not: import Streamlit or draw anything.
"""
