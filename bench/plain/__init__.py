"""The works of this program as somebody writes them by hand: what a reconciliation is measured against."""
