"""calculate_fx: amounts in one currency, by rates that are told with every row."""
