"""export: rows as a file of the form that somebody else asks for."""
