"""What reconcile is made of: the rows of both sides, the rules that pair them, their totals."""
