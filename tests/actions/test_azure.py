"""A container of Azure as the other side: who it believes us to be, and what it does in its own time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import obstore
import pytest
from msgspec.structs import replace

from procession.actions.contract import ConnectionInput
from procession.model.connections import ConnectionKind, address_of, place_of, plain
from procession.model.lifecycle import StepStatus
from tests.actions.azure_site import ACCOUNT, azure, needed, signed
from tests.actions.site import Site
from tests.actions.test_transfer_files import PAIN, transfer

PUT: dict[str, Any] = {"path": "in", "files": ["${files.payments}"]}
MOVE: dict[str, Any] = {"path": "out", "pattern": "*", "to": "done"}


def proving_by(site: Site, **secrets: str) -> Site:
    site.connection = replace(site.connection, secrets=secrets)
    return site


def sas(container: str, rights: str) -> str:
    """A token for one container (Create a service SAS, version 2020-12-06)."""
    ends = f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    lines = [rights, "", ends, f"/blob/{ACCOUNT}/{container}", "", "", "", "2020-12-06", "c", *[""] * 7]
    proof = {"sp": rights, "se": ends, "sv": "2020-12-06", "sr": "c", "sig": signed("\n".join(lines))}
    return urlencode(proof)


@needed
def test_a_token_that_a_partner_gave_is_enough_for_what_it_allows(tmp_path: Path) -> None:
    with azure(tmp_path) as site:
        container = site.connection.options["bucket"]
        proving_by(site, sas_token="?" + sas(container, "rcwdl"))
        assert transfer(site, tmp_path, "put", **PUT).outcome.status is StepStatus.SUCCESS
        assert site.read("in/pain.xml") == PAIN

        proving_by(site, sas_token=sas(container, "rl"))
        refused = transfer(site, tmp_path, "put", name="b.xml", **PUT)

        assert refused.outcome.status is StepStatus.FAILED
        assert site.names("in") == ["pain.xml"]
        assert "sig=" not in refused.outcome.message


@needed
@pytest.mark.parametrize(
    ("secrets", "words"),
    [
        ({"secret_key": "d3Jvbmc="}, "403 Forbidden"),
        ({"secret_key": "no base64!"}, "its options or its secret cannot be read"),
        ({"secret_key": "d3Jvbmc=", "sas_token": "sig=x"}, "forget one of them"),
        ({"sas_token": "sv=2020-12-06&sig=canary"}, "403 Forbidden"),
        # Never the credentials of the machine, which a cloud would give to whoever asks it.
        ({}, "box"),
    ],
)
def test_whoever_does_not_prove_it_is_refused_without_the_secret(
    tmp_path: Path, secrets: dict[str, str], words: str
) -> None:
    with azure(tmp_path) as site:
        said = transfer(proving_by(site, **secrets), tmp_path, "put", **PUT).outcome

        assert said.status is StepStatus.FAILED, said.message
        assert words in said.message
        assert "169.254" not in said.message
        assert not [secret for secret in secrets.values() if secret in said.message]
        assert site.names("in") == []


@needed
def test_a_file_stays_until_its_copy_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copy Blob answers 202 before it has copied, and what is there by then is no copy yet."""
    copy = obstore.copy

    def late(store: Any, path: str, to: str, *, overwrite: bool) -> None:
        copy(store, path, to, overwrite=overwrite)
        obstore.put(store, to, bytes(len(PAIN)))

    with azure(tmp_path) as site:
        site.put("out/pain.xml", PAIN)
        with monkeypatch.context() as patched:
            patched.setattr(obstore, "copy", late)
            said = transfer(site, tmp_path, "move", **MOVE)
        assert said.outcome.status is StepStatus.FAILED
        assert 'has not copied "out/pain.xml" yet; it stays where it is' in said.outcome.message
        assert site.read("out/pain.xml") == PAIN

        # By the next try it is whole.
        site.put("done/pain.xml", PAIN)
        again = transfer(site, tmp_path, "move", recorded=tuple(said.context.recorded), **MOVE)

        assert again.outcome.status is StepStatus.SUCCESS, again.outcome.message
        assert (site.names("out"), site.read("done/pain.xml")) == ([], PAIN)


@needed
def test_a_move_replaces_nothing_that_came_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with azure(tmp_path) as site:
        site.put("out/pain.xml", PAIN)
        site.put("done/pain.xml", b"theirs")
        monkeypatch.setattr("procession.actions.transferring.shifting._free", lambda transfer, found: list(found))
        monkeypatch.setattr("procession.actions.transferring.buckets.BucketSide.find", lambda self, path: None)

        said = transfer(site, tmp_path, "move", **MOVE)

        assert said.outcome.status is StepStatus.FAILED
        assert (site.read("out/pain.xml"), site.read("done/pain.xml")) == (PAIN, b"theirs")


def test_a_secret_of_before_azure_is_still_bound_to_the_same_address() -> None:
    """Otherwise no step could open what was sealed by the release before."""
    old = {"bucket": "acme", "region": "us-east-1", "endpoint": "", "access_key": "AKIA", "root": "x"}
    sealed = '["s3",{"access_key":"AKIA","bucket":"acme","endpoint":"","region":"us-east-1"}]'

    assert address_of(ConnectionKind.S3, old) == sealed
    assert address_of(ConnectionKind.S3, plain(ConnectionKind.S3, old)) == sealed
    named = {"bucket": "box", "service": "azure", "account": "acme"}
    assert address_of(ConnectionKind.S3, named) != address_of(ConnectionKind.S3, {**named, "account": "evil"})
    assert place_of(ConnectionKind.S3, named) == "box at Azure acme"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"service": "azure"}, "takes the account that it belongs to"),
        ({"service": "azure", "account": "acme", "access_key": "AKIA"}, "and no access_key"),
        ({"account": "acme"}, "and no account"),
        ({"service": "azure", "account": "evil.com/"}, "3 to 24 small letters and digits"),
    ],
)
def test_options_that_do_not_go_together_are_refused_in_words(options: dict[str, str], words: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=words):
        plain(ConnectionKind.S3, {"bucket": "box", **options})


def test_an_s3_connection_takes_no_token_of_azure(tmp_path: Path) -> None:
    options = {"bucket": "acme", "region": "us-east-1", "endpoint": "http://127.0.0.1:9", "access_key": "", "root": ""}
    connection = ConnectionInput(
        name="bank", kind="s3", options=options, secrets={"sas_token": "sig=x"}, private_hosts=True
    )

    said = transfer(Site(kind="s3", root=tmp_path, connection=connection), tmp_path, "put", **PUT).outcome

    assert said.message == 'the connection "bank" is S3, which takes no SAS token'
