"""import_table: rows of files, typed, told where they are from, into a table or a typed file."""
