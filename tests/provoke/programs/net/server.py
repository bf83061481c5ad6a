"""A server on localhost that answers as asked: python server.py MODE [PORT]"""

import gzip
import ssl
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODE = sys.argv[1]
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 8765


class Handler(BaseHTTPRequestHandler):
    def answer(self):
        status = {
            "unauthorized": 401,
            "forbidden": 403,
            "missing": 404,
            "conflict": 409,
            "gone": 410,
            "busy": 429,
            "broken": 500,
            "unavailable": 503,
            "proxy": 407,
        }.get(MODE, 200)
        body = b'{"error": "request refused"}' if status != 200 else b"0" * 1000
        if MODE == "slow":
            time.sleep(30)
        if MODE == "html":
            body = b"<html><body>Please sign in</body></html>"
        if MODE == "gzip":
            body = gzip.compress(body)[:-12]
        self.send_response(status)
        if MODE == "gzip":
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body) * (5 if MODE == "short" else 1)))
        self.end_headers()
        if MODE == "reset":
            self.connection.close()
            return
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_HEAD = do_PUT = do_CONNECT = answer

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
if MODE == "tls":
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
            "-days",
            "1",
            "-subj",
            "/CN=data.example",
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("cert.pem", "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
