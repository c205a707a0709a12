"""document: letters and statements as PDFs, from a template."""
