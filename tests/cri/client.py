"""A client of the Container Runtime Interface, for tests: usage: client.py SOCKET DESCRIPTORS

Each line of stdin is a call, each line of stdout its answer, both JSON. SOCKET is containerd's, and
DESCRIPTORS what protoc --descriptor_set_out makes of api.proto.

  {"method": "RuntimeService/Version", "request": {…}}       {"response": {…}}
  {"stream": URL, "send": [[CHANNEL, TEXT], …], "until": N}   {"channels": {CHANNEL: TEXT, …}}

A call that fails is answered {"code": "NOT_FOUND", "error": TEXT}. A stream is one of the URLs that Exec,
Attach and PortForward give, spoken to by WebSocket with the subprotocol v4.channel.k8s.io: a channel is the
first byte of each message. It is read until it ends, or until TEXT of "until" has come on a channel.
"""

import json
import sys

import grpc
import websocket
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

PACKAGE = "runtime.v1"
PROTOCOL = "v4.channel.k8s.io"
LIMIT = 60


class Interface:
    def __init__(self, socket, descriptors):
        files = descriptor_pb2.FileDescriptorSet()
        with open(descriptors, "rb") as file:
            files.ParseFromString(file.read())
        self.pool = descriptor_pool.DescriptorPool()
        for file in files.file:
            self.pool.Add(file)
        self.factory = message_factory.MessageFactory(self.pool)
        self.channel = grpc.insecure_channel("unix://" + socket)

    def message(self, name):
        return self.factory.GetPrototype(self.pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))

    def call(self, method, request):
        verb = method.split("/")[1]
        answer = self.message(verb + "Response")
        call = self.channel.unary_unary(
            f"/{PACKAGE}.{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )
        request = json_format.ParseDict(request, self.message(verb + "Request")())
        response = call(request, timeout=LIMIT)
        told = json_format.MessageToDict(
            response, including_default_value_fields=True, preserving_proto_field_name=True
        )
        # What processes say is text here, not base64.
        for field in response.DESCRIPTOR.fields:
            if field.type == field.TYPE_BYTES:
                told[field.name] = getattr(response, field.name).decode("utf-8", "replace")
        return told


def stream(url, send, until):
    connection = websocket.create_connection(
        url.replace("http", "ws", 1), subprotocols=[PROTOCOL], timeout=LIMIT
    )
    for channel, text in send:
        connection.send_binary(bytes([channel]) + text.encode())
    came = {}
    while True:
        message = connection.recv()
        if isinstance(message, str):
            message = message.encode()
        if not message:
            break
        channel = str(message[0])
        came[channel] = came.get(channel, "") + message[1:].decode("latin-1")
        if until is not None and until in came[channel]:
            break
    connection.close()
    return came


def answer(interface, call):
    try:
        if "stream" in call:
            came = stream(call["stream"], call.get("send", []), call.get("until"))
            return {"channels": came}
        return {"response": interface.call(call["method"], call.get("request", {}))}
    except grpc.RpcError as error:
        return {"code": error.code().name, "error": error.details()}
    except (OSError, websocket.WebSocketException, json_format.ParseError) as error:
        return {"code": "CLIENT", "error": repr(error)}


def main():
    interface = Interface(*sys.argv[1:])
    for line in sys.stdin:
        print(json.dumps(answer(interface, json.loads(line))), flush=True)


main()
