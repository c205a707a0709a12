"""The stores of the library behind a bucket: S3 and what speaks like it, and a container of Azure."""

from __future__ import annotations

from typing import Any

from obstore.exceptions import BaseError
from obstore.store import AzureStore, S3Store

from procession.actions.contract import ConnectionInput
from procession.actions.problems import Problem
from procession.actions.transferring import remote_names
from procession.actions.transferring.sides import SECONDS_MAX


def address_of(connection: ConnectionInput) -> str:
    """Where it is asked for: one host for all that is done with it."""
    options = connection.options
    if options["endpoint"]:
        return str(options["endpoint"])
    if is_azure(connection):
        return f"https://{options['account']}.blob.core.windows.net"
    return f"https://s3.{options['region']}.amazonaws.com"


def store_of(connection: ConnectionInput, address: str, proxy: str) -> S3Store | AzureStore:
    """Never with credentials of the machine, whatever it has. Raises Problem."""
    given: dict[str, Any] = {
        "prefix": remote_names.joined(connection.options["root"]) or None,
        "client_options": {
            "timeout": f"{SECONDS_MAX:g}s",
            "connect_timeout": "15s",
            "allow_http": address.startswith("http:"),
            "proxy_url": proxy,
        },
        # Safe to send again: under one key the same bytes, and "create" refuses a second time.
        "retry_config": {"max_retries": 3},
    }
    bucket = connection.options["bucket"]
    try:
        if is_azure(connection):
            return AzureStore(bucket, config=_azure(connection, address), **given)
        return S3Store(bucket, config=_s3(connection, address), **given)
    # A key that is no base64, say: the library's own words hold it.
    except (BaseError, ValueError):
        raise Problem(f"{connection.called} cannot be opened: its options or its secret cannot be read") from None


def is_azure(connection: ConnectionInput) -> bool:
    return connection.options.get("service") == "azure"


def _s3(connection: ConnectionInput, address: str) -> Any:
    options = connection.options
    config: dict[str, Any] = {
        "endpoint": address,
        "region": options["region"],
        # Path style: a name of a bucket in the host would be a host that nobody has checked.
        "virtual_hosted_style_request": False,
        # Servers that speak like S3 need not know how to delete many at once.
        "disable_bulk_delete": True,
    }
    if "sas_token" in connection.secrets:
        raise Problem(f"{connection.called} is S3, which takes no SAS token")
    if options["access_key"]:
        secret = connection.secrets.get("secret_key", "")
        return {**config, "access_key_id": options["access_key"], "secret_access_key": secret}
    # Else the library would ask the cloud for the credentials of this machine.
    return {**config, "skip_signature": True}


def _azure(connection: ConnectionInput, address: str) -> Any:
    config = {"endpoint": address, "account_name": connection.options["account"]}
    match connection.secrets:
        case {"secret_key": _, "sas_token": _}:
            raise Problem(f"{connection.called} has a secret key and a SAS token: forget one of them")
        case {"secret_key": key}:
            return {**config, "account_key": key, "credential_type": "access_key"}
        case {"sas_token": token}:
            # As people copy it, with the sign that begins it in an address.
            return {**config, "sas_key": token.removeprefix("?"), "credential_type": "sas_token"}
    return {**config, "skip_signature": True}
