"""How the parties of a Dask cluster know each other: by TLS, with certificates that lie in one folder."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finta.errors import ClusterError

CA, CERTIFICATE, KEY = "ca.pem", "cert.pem", "key.pem"
"""Files of such a folder: who is believed, what one shows, and what proves that it is one's own."""


@dataclass(frozen=True, slots=True)
class Scheduler:
    """Where a cluster's scheduler answers, and how one is known to it.

    Attributes
    ----------
    address : str
        ``tls://HOST:PORT``, or ``tcp://HOST:PORT`` of a scheduler that lets in whoever reaches it.
    certificates : Path, optional
        The folder of certificates, for ``tls://``.
    """

    address: str
    certificates: Path | None = None

    @classmethod
    def of(cls, given: "str | Scheduler") -> "Scheduler":
        """An address alone is one without certificates."""
        return cls(given) if isinstance(given, str) else given

    def security(self) -> Any:
        """What Dask is told; nothing for ``tcp://``.

        Raises
        ------
        ClusterError
            If address and certificates do not go together, or a certificate is not there.
        """
        is_secure = self.address.startswith("tls://")
        if is_secure and self.certificates is None:
            raise ClusterError(
                f"{self.address} wants certificates: give the folder that the scheduler printed, --tls FOLDER."
            )
        if self.certificates is None:
            return None
        if not is_secure:
            raise ClusterError(f"--tls goes with an address that begins with tls://, not with {self.address}.")
        return read_security(self.certificates)


def read_security(folder: Path) -> Any:
    """Certificates of a folder, for every party alike: nobody is spoken to who does not show one.

    Returns
    -------
    distributed.Security

    Raises
    ------
    ClusterError
        If a file is not there, or holds no certificate or key.
    """
    from distributed import Security

    if missing := [name for name in (CA, CERTIFICATE, KEY) if not (folder / name).is_file()]:
        raise ClusterError(f"{folder} holds no {', '.join(missing)}. Give the folder that the scheduler printed.")
    ca, certificate, key = (str((folder / name).absolute()) for name in (CA, CERTIFICATE, KEY))
    roles = {
        f"tls_{role}_{what}": path
        for role in ("client", "scheduler", "worker")
        for what, path in (("cert", certificate), ("key", key))
    }
    security = Security(tls_ca_file=ca, require_encryption=True, **roles)
    try:
        security.get_connection_args("client")
    except (OSError, ValueError) as error:
        raise ClusterError(f"{folder} holds no certificates that can be used: {error}. Make others.") from error
    return security


def make_certificates(folder: Path) -> None:
    """Have Dask make a key and a certificate for one cluster, which only this user can read.

    Raises
    ------
    ClusterError
        If the folder cannot be written, or the package cryptography is not installed.
    """
    from distributed import Security

    try:
        made = Security.temporary()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, content in ((CA, made.tls_ca_file), (CERTIFICATE, made.tls_client_cert), (KEY, made.tls_client_key)):
            (folder / name).unlink(missing_ok=True)
            place = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(place, "w") as file:
                file.write(content)
    except (OSError, ImportError) as error:
        raise ClusterError(
            f"No certificates can be made in {folder}: {error}. Choose another folder by --tls."
        ) from error
