"""parse_statement: bank statements to rows. A module for each format; one for what all must be checked for."""
