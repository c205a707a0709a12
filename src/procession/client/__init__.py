"""A client of Procession for Python programs: typed, synchronous, standing alone on httpx2.

    with Client("https://procession.example", client_id=..., client_secret=...) as procession:
        run = procession.process("Month end").create_run(inputs={"parameters.month": "2026-11"}, start=True)
        run.wait(on_progress=print)

It imports nothing from the server. The names below are its whole public interface.
"""

from procession.client.client import Client as Client
from procession.client.errors import Conflict as Conflict
from procession.client.errors import Damaged as Damaged
from procession.client.errors import Forbidden as Forbidden
from procession.client.errors import Invalid as Invalid
from procession.client.errors import NotFound as NotFound
from procession.client.errors import ProcessionError as ProcessionError
from procession.client.errors import ServerFault as ServerFault
from procession.client.errors import TimedOut as TimedOut
from procession.client.errors import TooMany as TooMany
from procession.client.errors import Unauthorized as Unauthorized
from procession.client.errors import Unavailable as Unavailable
from procession.client.options import Options as Options
