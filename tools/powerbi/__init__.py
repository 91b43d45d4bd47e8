"""The Power BI project of `dashboard/powerbi`, written from `sql/views` and `petrostream/schema`.

`python -m tools.powerbi` writes it; the files are in the repository because people open and change them.
"""
