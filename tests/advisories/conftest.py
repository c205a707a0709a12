"""The worlds of the other doors' tests, for attacks that others have suffered."""

from tests.api.conftest import home, table_workers
from tests.oauth.conftest import made

__all__ = ["home", "made", "table_workers"]  # fixtures, for pytest to find
