"""This LMX's self-signed certificate, made once. Clients pin its SHA-256 when they pair."""

import datetime
import hashlib
import os
import ssl
from pathlib import Path

from opta_core.paths import write_whole

YEARS = 10


def context_of(folder: Path, now: datetime.datetime | None = None) -> tuple[ssl.SSLContext, str]:
    """The TLS context of the server, and the certificate's SHA-256 in hex. Makes the certificate when there is none.

    `now`: when it is made, by the clock of this machine if it is not given.
    """
    file = folder / "tls.pem"
    if not file.exists():
        write_whole(file, _make(now or datetime.datetime.now(datetime.UTC)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(file)
    return context, fingerprint_of(file.read_text())


def fingerprint_of(pem: str) -> str:
    """SHA-256 of the first certificate in a PEM text."""
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    at = pem.index(begin)
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem[at : pem.index(end, at) + len(end)])).hexdigest()


def _make(now: datetime.datetime) -> bytes:
    # Slow to import, and needed only when a certificate is made.
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    # Clients ignore the name: they pin the certificate itself.
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"opta-lmx-{os.urandom(4).hex()}")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # The clocks of the two machines need not agree.
        .not_valid_before(now - datetime.timedelta(days=365 * YEARS))
        .not_valid_after(now + datetime.timedelta(days=365 * YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return secret + made.public_bytes(serialization.Encoding.PEM)
