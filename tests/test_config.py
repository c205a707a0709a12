"""Settings: where they come from, and what is said about bad ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from procession import config


def test_without_anything_the_defaults_are_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    settings = config.read({})

    assert settings.home == tmp_path / "procession-data"
    assert (settings.host, settings.port, settings.uses_tls) == ("127.0.0.1", 8080, False)
    assert (settings.grace_seconds, settings.token_seconds) == (5.0, 3_600)
    assert settings.workers_max >= 4


def test_the_real_environment_is_read_when_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROCESSION_PORT", "9000")

    assert config.read().port == 9000


def test_an_option_goes_before_the_environment_and_none_counts_as_not_given() -> None:
    environment = {"PROCESSION_PORT": "9000", "PROCESSION_HOST": "0.0.0.0"}  # noqa: S104  nothing is bound

    settings = config.read(environment, port=9001, host=None)

    assert (settings.host, settings.port) == ("0.0.0.0", 9001)  # noqa: S104


def test_an_empty_variable_counts_as_not_given() -> None:
    assert config.read({"PROCESSION_PORT": " "}).port == 8080


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("upload_bytes_max", "1048576", 1_048_576),
        ("upload_bytes_max", "500MB", 500_000_000),
        ("step_memory_bytes_max", "1.5 GiB", 3 * 2**29),
        ("token_seconds", "10m", 600),
        ("grace_seconds", "0.5", 0.5),
        ("workers_max", "1", 1),
        ("host", "::1", "::1"),
        ("allow_network", "yes", True),
        ("allow_network", "False", False),
        ("isolation", "weak", "weak"),
        ("step_libraries", "/usr:/tmp", (Path("/usr"), Path("/tmp"))),  # noqa: S108  only looked at
    ],
)
def test_sizes_and_times_may_carry_units(name: str, text: str, value: object) -> None:
    settings = config.read({f"PROCESSION_{name.upper()}": text})

    assert getattr(settings, name) == value


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("port", "65536", "PROCESSION_PORT must be a whole number from 0 to 65535, not '65536'"),
        ("port", "-1", "whole number"),
        ("port", "٣", "whole number"),
        ("workers_max", "0", "whole number from 1 to 1024"),
        ("host", "http://me", "host name or an address"),
        ("upload_bytes_max", "0", "at least 1 byte"),
        ("upload_bytes_max", "5 apples", 'a size such as "500MB"'),
        ("upload_bytes_max", "nan", "a size"),
        ("step_memory_bytes_max", "1MB", "at least 268435456 bytes"),
        ("grace_seconds", "11m", "from 0 to 600 seconds"),
        ("token_seconds", "5", "from 60 to"),
        ("isolation", "none", "PROCESSION_ISOLATION must be full or weak, not 'none'"),
    ],
)
def test_a_bad_setting_is_refused_by_its_name(name: str, text: str, expected: str) -> None:
    with pytest.raises(config.SettingError) as caught:
        config.read({f"PROCESSION_{name.upper()}": text})

    assert expected in str(caught.value)
    assert f"PROCESSION_{name.upper()}" in str(caught.value)


def test_a_bad_option_is_refused_by_the_name_of_the_option() -> None:
    with pytest.raises(config.SettingError, match="--port must be"):
        config.read({}, port="many")


def test_tls_needs_both_files_and_they_must_exist(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert.touch()

    with pytest.raises(config.SettingError, match="both a certificate and a key"):
        config.read({}, tls_cert=cert)
    with pytest.raises(config.SettingError, match="there is no file"):
        config.read({}, tls_cert=cert, tls_key=key)

    key.touch()
    assert config.read({}, tls_cert=cert, tls_key=key).uses_tls


def test_a_setting_that_does_not_exist_is_our_own_mistake() -> None:
    with pytest.raises(AssertionError, match="no such setting: colour"):
        config.read({}, colour="red")


def test_mail_is_encrypted_unless_it_stays_on_this_machine() -> None:
    def read(url: str) -> config.SmtpServer | None:
        return config.read({"PROCESSION_SMTP_URL": url, "PROCESSION_MAIL_FROM": "p@example.com"}).smtp

    there, implicit, here = (
        read("smtp://u:p%40ss@mail.example.com"),
        read("smtps://mail.example.com"),
        read("smtp://[::1]"),
    )
    assert there is not None and implicit is not None and here is not None
    assert (there.security, there.port, there.user, there.password) == ("starttls", 587, "u", "p@ss")
    assert (implicit.security, implicit.port) == ("tls", 465)
    assert here.security == ""
    assert "p@ss" not in repr(there)
    assert config.read({}).smtp is None


@pytest.mark.parametrize(
    ("url", "sender", "said"),
    [
        ("mail.example.com", "p@example.com", "must look like smtp://"),
        ("http://secret@mail.example.com", "p@example.com", "must look like smtp://"),
        ("smtp://u:secret@mail.example.com:port", "p@example.com", "must look like smtp://"),
        ("smtp://mail.example.com?starttls=0", "p@example.com", "for this machine only"),
        ("smtp://mail.example.com", "", "PROCESSION_MAIL_FROM must be the address"),
    ],
)
def test_bad_settings_of_mail_are_named_without_the_password(url: str, sender: str, said: str) -> None:
    with pytest.raises(config.SettingError, match=said) as caught:
        config.read({"PROCESSION_SMTP_URL": url, "PROCESSION_MAIL_FROM": sender})
    assert "secret" not in str(caught.value)


def test_the_public_address_is_an_address() -> None:
    assert config.read({"PROCESSION_PUBLIC_URL": "https://p.example.com/"}).public_url == "https://p.example.com"
    with pytest.raises(config.SettingError, match="PROCESSION_PUBLIC_URL must be an address"):
        config.read({"PROCESSION_PUBLIC_URL": "p.example.com"})


def test_proxies_are_trusted_by_their_addresses() -> None:
    several = config.read({"PROCESSION_TRUSTED_PROXIES": "10.0.0.7, 10.1.0.0/16"})

    assert several.trusted_proxies == "10.0.0.7/32,10.1.0.0/16"
    assert config.read({"PROCESSION_TRUSTED_PROXIES": "none"}).trusted_proxies == ""
    with pytest.raises(config.SettingError, match="PROCESSION_TRUSTED_PROXIES must be addresses"):
        config.read({"PROCESSION_TRUSTED_PROXIES": "proxy.example"})


def test_no_proxy_is_trusted_unless_named() -> None:
    assert config.read({}).trusted_proxies == ""
