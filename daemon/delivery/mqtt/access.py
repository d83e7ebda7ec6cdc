"""What lets us in at the broker: the password, our certificate, and whom we trust; and what to do when it does not.

The files are read anew for each connection, so that a certificate that was renewed needs no restart. A password is in no
log, no exception and no repr: only the name of its file is.
"""

from __future__ import annotations

import os
import socket
import ssl
from pathlib import Path

from daemon.errors import SettingsError
from daemon.settings import BrokerSettings

CREDENTIALS = "CREDENTIALS_DIRECTORY"
"""systemd names there the folder of what `LoadCredential=` gives the service."""

# X509_V_ERR_... of OpenSSL's x509_vfy.h
NOT_YET_VALID, EXPIRED = 9, 10
UNKNOWN_ISSUER = (2, 18, 19, 20, 21)
WRONG_NAME = (62, 64)


def check(settings: BrokerSettings) -> None:
    """That everything named is there and of use. Raises SettingsError.

    A credential of systemd's is only there while the service runs: without its folder it is not looked for.
    """
    if not settings.password_credential or CREDENTIALS in os.environ:
        password_of(settings)
    tls_context(settings)


def password_of(settings: BrokerSettings) -> str | None:
    """None where none is set. Raises SettingsError naming the file, never what is in it."""
    if settings.password_file:
        return _first_line(Path(settings.password_file), f"[broker] password_file {settings.password_file}")
    name = settings.password_credential
    if not name:
        return None
    folder = os.environ.get(CREDENTIALS)
    if not folder:
        raise SettingsError(
            f"[broker] password_credential {name}: ${CREDENTIALS} is not set: give the unit LoadCredential={name}:FILE "
            "(systemd 247 or newer), or use password_file"
        )
    return _first_line(Path(folder) / name, f"[broker] password_credential {name}")


def _first_line(path: Path, what: str) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline().rstrip("\r\n")
    except OSError as trouble:
        raise SettingsError(f"{what}: cannot be read: {trouble.strerror}") from trouble
    except UnicodeDecodeError:
        # without a cause: that error holds the bytes
        raise SettingsError(f"{what}: cannot be read: it is no UTF-8 text") from None


def tls_context(settings: BrokerSettings) -> ssl.SSLContext | None:
    """None without TLS. TLS 1.2 or newer, the broker's name and certificate are always checked. Raises SettingsError."""
    if not settings.tls:
        return None
    # the system's many CAs are read where they are needed alone: that takes longer than a connection
    context = _trusting(settings.ca_file) if settings.ca_file else ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.cert_file:
        _add_our_certificate(context, settings.cert_file, settings.key_file)
    return context


def _trusting(ca_file: str) -> ssl.SSLContext:
    """This CA and no other."""
    what = f"[broker] ca_file {ca_file}"
    _require_readable(ca_file, what)
    try:
        return ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError as trouble:
        raise SettingsError(f"{what}: holds no certificate: want the CA's, in PEM form") from trouble


def _add_our_certificate(context: ssl.SSLContext, cert_file: str, key_file: str) -> None:
    _require_readable(cert_file, f"[broker] cert_file {cert_file}")
    if key_file:
        _require_readable(key_file, f"[broker] key_file {key_file}")
    key = f"key_file {key_file}" if key_file else f"cert_file {cert_file}"
    asked = []

    def no_passphrase() -> str:
        asked.append(True)
        return ""

    try:
        # without an answer OpenSSL would ask at the terminal
        context.load_cert_chain(cert_file, key_file or None, password=no_passphrase)
    except (ssl.SSLError, ValueError) as trouble:
        if asked:
            raise SettingsError(f"[broker] {key}: the key wants a passphrase: keep it in a file without one") from None
        if getattr(trouble, "reason", None) == "KEY_VALUES_MISMATCH":
            raise SettingsError(f"[broker] {key}: is not the key of cert_file {cert_file}") from trouble
        wish = "want a certificate and its private key, in PEM form" if key_file else "name the private key in key_file"
        raise SettingsError(f"[broker] cert_file {cert_file}: cannot be used with {key}: {wish}") from trouble


def _require_readable(path: str, what: str) -> None:
    try:
        with open(path, "rb") as file:
            file.read(1)
    except OSError as trouble:
        raise SettingsError(f"{what}: cannot be read: {trouble.strerror}") from trouble


def explain(trouble: Exception, settings: BrokerSettings) -> str:
    """One line for a connection that did not come about: what is wrong with the broker, and what to do."""
    if isinstance(trouble, SettingsError):
        return f"cannot be asked: {trouble}"
    if isinstance(trouble, ssl.SSLCertVerificationError):
        return _of_certificate(trouble, settings)
    if isinstance(trouble, ssl.SSLError):
        return of_tls(f"{trouble.reason} {trouble}")
    if isinstance(trouble, socket.gaierror):
        return f"is not known by that name ({trouble.strerror}): check [broker] host and the network"
    if isinstance(trouble, (socket.timeout, TimeoutError)):
        return "does not answer"
    if isinstance(trouble, ConnectionResetError):
        return f"has hung up at once: check [broker] port, and {'that it speaks TLS there' if settings.tls else 'tls'}"
    return "is not there yet"


def _of_certificate(trouble: ssl.SSLCertVerificationError, settings: BrokerSettings) -> str:
    code = trouble.verify_code
    if code in WRONG_NAME:
        return f"has a certificate for another name: write in [broker] host what its certificate says, not {settings.host}"
    if code in UNKNOWN_ISSUER:
        if settings.ca_file:
            return f"has a certificate that {settings.ca_file} did not sign: name the CA that did in [broker] ca_file"
        return "has a certificate that nobody whom I trust has signed: name the CA that did in [broker] ca_file"
    if code == EXPIRED:
        return "has a certificate that has expired: renew it, and check this machine's clock"
    if code == NOT_YET_VALID:
        return "has a certificate that is not valid yet: check this machine's clock"
    return f"has a certificate that is not valid: {trouble.verify_message}"


def before_an_answer(settings: BrokerSettings) -> str:
    """What may be wrong with a broker that hangs up on us before it says anything."""
    if not settings.tls:
        return "if that goes on, check [broker] port and tls"
    if settings.cert_file:
        return "if that goes on, check that it trusts [broker] cert_file"
    return "if that goes on, check whether it wants a certificate of ours, [broker] cert_file"


def of_tls(said: str) -> str:
    """What TLS's own words mean for an operator."""
    text = said.upper().replace(" ", "_")
    if any(word in text for word in ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE", "HTTP_REQUEST")):
        return "does not speak TLS on that port: check [broker] port (with TLS 8883 as a rule) and tls"
    if "CERTIFICATE_REQUIRED" in text or "HANDSHAKE_FAILURE" in text:
        return "wants a certificate of ours: name one in [broker] cert_file and key_file"
    if any(word in text for word in ("UNKNOWN_CA", "BAD_CERTIFICATE", "CERTIFICATE_UNKNOWN", "UNSUPPORTED_CERTIFICATE")):
        return "does not accept our certificate: have [broker] cert_file signed by a CA that it trusts"
    if "CERTIFICATE_EXPIRED" in text:
        return "says that our certificate has expired: renew [broker] cert_file"
    if "CERTIFICATE_REVOKED" in text:
        return "says that our certificate was revoked: have a new one made for [broker] cert_file"
    return f"cannot be spoken to by TLS: {said.strip()}"
