"""Does a host's certificate end in one of the roots that the function trusts? Asked of many hosts at once.

It trusts the given file and nothing else, as the function does. It must not send anything but the handshake.
"""

from __future__ import annotations

import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

SECONDS = 8.0


@dataclass
class Found:
    """Hosts by what became of the handshake. `absent` have no address: the service is not in that region."""

    trusted: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)
    silent: dict[str, str] = field(default_factory=dict)


def hosts(path: str, account: str, regions: tuple[str, ...]) -> list[str]:
    """The hosts of `hosts.txt`, for this account and these regions."""
    with open(path, encoding="utf-8") as file:
        forms = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    made = {form.replace("{region}", region).replace("{account}", account) for form in forms for region in regions}
    return sorted(made)


def check(names: list[str], roots: str, port: int = 443) -> Found:
    """A handshake with each host, with the roots of a PEM file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=roots)
    found = Found()
    with ThreadPoolExecutor(max_workers=32) as workers:
        for name, (what, why) in zip(names, workers.map(lambda name: _one(context, name, port), names)):
            if what in ("trusted", "absent"):
                getattr(found, what).append(name)
            else:
                getattr(found, what)[name] = why
    return found


def _one(context: ssl.SSLContext, name: str, port: int) -> tuple[str, str]:
    try:
        with socket.create_connection((name, port), timeout=SECONDS) as plain:
            with context.wrap_socket(plain, server_hostname=name):
                return "trusted", ""
    except ssl.SSLCertVerificationError as error:
        return "refused", error.verify_message
    except socket.gaierror as error:
        # A name that does not exist is an answer; a resolver that does not answer is none.
        gone = error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
        return ("absent" if gone else "silent"), str(error)
    except OSError as error:
        return "silent", str(error) or type(error).__name__
