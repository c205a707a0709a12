"""excel_report: a workbook of several relations, from scratch or into a template."""
