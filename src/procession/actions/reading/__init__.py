"""Reads files as relations: bytes become cells, cells become columns. No reader's type inference is used.

One module for each kind of file gives cells (`delimited`, `sheets`, `json_files`, `parquet`); `columns` alone decides
what a column is, over all rows.
"""
