"""validate: rules that rows must keep, and every row that breaks one."""
