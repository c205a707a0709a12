"""Writes relations as files: CSV, workbooks, Parquet."""
