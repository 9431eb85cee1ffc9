"""The platforms' end of webhooks (Standard Webhooks): takes deliveries, checks each signature by itself, keeps what was told."""
import base64
import hmac
import http.server
import json
import threading


class Listener:
    def __init__(self):
        self.secrets, self.told, self.wrong = {}, [], []
        listener = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener.take(self.path.strip("/"), self.headers, body)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, tenant):
        return f"http://127.0.0.1:{self.server.server_port}/{tenant}"

    def expect(self, tenant, secret):
        self.secrets[tenant] = base64.b64decode(secret.removeprefix("whsec_"))

    def take(self, tenant, headers, body):
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        mac = "v1," + base64.b64encode(hmac.digest(self.secrets[tenant], signed, "sha256")).decode()
        if mac not in headers["webhook-signature"].split(" "):
            self.wrong.append((tenant, dict(headers)))
            return
        event = json.loads(body)
        self.told.append({"tenant": tenant, "id": headers["webhook-id"], **event})

    def of(self, tenant, kind=None):
        """Each event once, in the order in which it first came."""
        once = {event["id"]: event for event in reversed(self.told) if event["tenant"] == tenant}
        return [event for event in reversed(once.values()) if kind in (None, event["type"])]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
