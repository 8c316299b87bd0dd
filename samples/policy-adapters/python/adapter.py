"""An adapter outside for the template `listentry`: lets through whom its handler's params name.

    pip install grpcio-tools
    python3 adapter.py PATH_OF_PROTOS [HOST:PORT]

The protos are Xebec's packages/protos/proto. Params: {"users": ["jason"]}.
"""
import signal
import sys
import threading
from concurrent import futures

PROTOS = sys.argv[1]
LISTEN = sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1:9070"

import grpc  # noqa: E402

sys.path.append(PROTOS)
TEMPLATE = "istio/mixer/template/listentry.proto"
messages, services = grpc.protos_and_services(TEMPLATE)
results = grpc.protos("istio/mixer/adapter/model/v1beta1/check.proto")

from google.protobuf import struct_pb2  # noqa: E402

PERMISSION_DENIED = 7


class Guard(services.HandleListEntryServiceServicer):
    def HandleListEntry(self, request, context):
        params = struct_pb2.Struct()
        request.adapter_config.Unpack(params)
        users = list(params["users"]) if "users" in params else []
        result = results.CheckResult(valid_use_count=100)
        result.valid_duration.FromSeconds(1)
        if request.instance.value not in users:
            result.status.code = PERMISSION_DENIED
            result.status.message = f"{request.instance.value or 'nobody'} is not on Python's list"
        return result


def main():
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    services.add_HandleListEntryServiceServicer_to_server(Guard(), server)
    host = LISTEN.rsplit(":", 1)[0]
    port = server.add_insecure_port(LISTEN)
    server.start()
    print(f"listening {host}:{port}", flush=True)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    ended.wait()
    server.stop(grace=1)


main()
