"""The TLS check, against servers of our own: below the given root, below another, silent, and without an address."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest

import support  # noqa: F401  (finds the script's own files)
import tls


def openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


def authority(folder: str, name: str) -> tuple[str, str]:
    """A root and its key, as files."""
    root, key = os.path.join(folder, f"{name}.pem"), os.path.join(folder, f"{name}.key")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", root, "-days", "2", "-subj", f"/CN={name}",
            "-addext", "basicConstraints=critical,CA:TRUE")
    return root, key


class Server:
    """Takes handshakes with a certificate for localhost that one authority has signed."""

    def __init__(self, folder: str, root: str, key: str) -> None:
        chain, own = os.path.join(folder, "chain.pem"), os.path.join(folder, "own.key")
        request, names = os.path.join(folder, "request.csr"), os.path.join(folder, "names")
        with open(names, "w", encoding="utf-8") as file:
            file.write("subjectAltName=DNS:localhost\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", own, "-out", request, "-subj", "/CN=localhost")
        openssl("x509", "-req", "-in", request, "-CA", root, "-CAkey", key, "-CAcreateserial", "-out", chain, "-days", "2",
                "-extfile", names)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(chain, own)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            try:
                self._context.wrap_socket(plain, server_side=True).close()
            except OSError:
                plain.close()

    def stop(self) -> None:
        self._listener.close()


@unittest.skipUnless(shutil.which("openssl"), "certificates are made by openssl, which is not here")
class Roots(unittest.TestCase):
    def test_only_a_chain_to_a_given_root_is_trusted(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            given, key = authority(folder, "given")
            other, _ = authority(folder, "other")
            server = Server(folder, given, key)
            self.addCleanup(server.stop)
            self.assertEqual(tls.check(["localhost"], given, server.port).trusted, ["localhost"])
            refused = tls.check(["localhost"], other, server.port).refused
            self.assertEqual(list(refused), ["localhost"], "the system's roots do not count either")
            nobody = socket.create_server(("127.0.0.1", 0))
            port = nobody.getsockname()[1]
            nobody.close()
            self.assertEqual(list(tls.check(["localhost"], given, port).silent), ["localhost"])

    def test_a_name_without_an_address_is_absent_or_not_answered(self) -> None:
        found = tls.check(["no-such-host.invalid"], os.path.join(support.ROOT, "crates/aws/certs/amazon-roots.pem"))
        self.assertEqual(found.trusted + list(found.refused), [])
        self.assertEqual(found.absent + list(found.silent), ["no-such-host.invalid"])


class Hosts(unittest.TestCase):
    def test_each_form_is_filled_in_for_each_region(self) -> None:
        names = tls.hosts(os.path.join(support.FIRST_RUN, "hosts.txt"), "111122223333", ("us-east-1", "eu-central-1"))
        for name in ("sqs.eu-central-1.amazonaws.com", "sqs.us-east-1.amazonaws.com", "iam.amazonaws.com",
                     "111122223333.s3-control.eu-central-1.amazonaws.com"):
            self.assertIn(name, names)
        self.assertEqual([name for name in names if "{" in name], [])
