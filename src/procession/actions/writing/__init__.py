"""Relations into files: CSV, workbooks, Parquet."""
