"""The verbs. Each checks permissions, works in one transaction, records what it did, and raises model.errors."""
