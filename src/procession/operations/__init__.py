"""The verbs: each checks the permission, works in one transaction, records what it did, and raises model.errors."""
