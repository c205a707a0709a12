"""map_values: values by the rules of a table, such as accounts to lines of a report."""
