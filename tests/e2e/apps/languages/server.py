"""The server of the language suite in Python: HTTP on PORT, a banner and an echo on TCP_PORT."""
import collections
import http.server
import os
import signal
import socketserver
import sys
import threading
import time

HOST = os.environ["BIND_ADDRESS"]
ATTEMPTS = collections.Counter()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def read_body(self):
        if self.headers.get("transfer-encoding", "") == "chunked":
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def answer(self, status, text):
        data = text.encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def stream(self):
        self.send_response(200)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for i in range(5):
            part = f"part {i}\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def handle_any(self):
        path = self.path.split("?")[0]
        body = self.read_body()
        if path == "/length":
            self.answer(200, str(len(body)))
        elif path.startswith("/status/"):
            self.answer(int(path[8:]), "status")
        elif path == "/slow":
            time.sleep(2)
            self.answer(200, "slow")
        elif path == "/flaky":
            ATTEMPTS[self.headers["x-id"]] += 1
            seen = ATTEMPTS[self.headers["x-id"]]
            self.answer(503 if seen < 3 else 200, f"attempt {seen}")
        elif path == "/stream":
            self.stream()
        else:
            headers = "".join(f"{name.lower()}: {value}\n" for name, value in self.headers.items())
            self.answer(200, f"python {self.command} {self.path}\n{headers}")

    do_GET = do_POST = do_PUT = do_DELETE = handle_any

    def log_message(self, *_):
        pass


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b"python\n")
        while data := self.request.recv(65536):
            self.request.sendall(data)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer.daemon_threads = True
echo = socketserver.ThreadingTCPServer((HOST, int(os.environ["TCP_PORT"])), Echo)
threading.Thread(target=echo.serve_forever, daemon=True).start()
http.server.ThreadingHTTPServer((HOST, int(os.environ["PORT"])), Handler).serve_forever()
