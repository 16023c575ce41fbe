#!/usr/bin/env python3
"""A caller that knows nothing of weft: gRPC's C core from Debian (python3-grpcio, python3-protobuf).

It has no proto file either. The contracts are asked of the server by reflection, as any tool would, so what
is proved is the wire: reflection, unary calls, a server stream, a refusal with google.rpc details.

    python-client.py HOST:PORT [SKU]

Prints one JSON object and ends with 0; anything unexpected ends with 1 and says what.
"""

import json
import sys
import uuid

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

ORDERS = "shop.orders.v1.OrdersService"
TIMEOUT_S = 10


def varint(number):
    """A number as protobuf writes it."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def text_field(number, text):
    """One string field, by hand: the reflection messages are the only ones that cannot be reflected."""
    data = text.encode()
    return varint(number << 3 | 2) + varint(len(data)) + data


def fields(data):
    """The fields of a message: (number, bytes) of each length-delimited one."""
    at = 0

    def read():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value

    while at < len(data):
        tag = read()
        if tag & 7 == 2:
            length = read()
            yield tag >> 3, data[at : at + length]
            at += length
        elif tag & 7 == 0:
            read()
        else:
            raise ValueError(f"wire type {tag & 7} is not expected here")


def reflected(channel, *requests):
    """The serialized files that the server gives for these ServerReflectionRequests."""
    call = channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
    found = []
    for answer in call(iter(requests), timeout=TIMEOUT_S):
        for number, value in fields(answer):
            if number == 7:
                raise LookupError(f"reflection: {value!r}")
            if number == 4:
                found += [data for file_number, data in fields(value) if file_number == 1]
    return found


def pool_of(files):
    """A pool of the files, imports first."""
    protos = {}
    for data in files:
        proto = descriptor_pb2.FileDescriptorProto.FromString(data)
        protos[proto.name] = proto
    pool = descriptor_pool.DescriptorPool()
    added = set()

    def add(name):
        if name in added:
            return
        added.add(name)
        for dependency in protos[name].dependency:
            add(dependency)
        pool.Add(protos[name])

    for name in protos:
        add(name)
    return pool


def class_of(pool, name):
    """The message class; protobuf 4 moved the function, and Debian has 3.21."""
    descriptor = pool.FindMessageTypeByName(name)
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(pool).GetPrototype(descriptor)


def method(channel, pool, name):
    """A method of the orders service as a function from a dict to a message, or to an iterator of them."""
    descriptor = pool.FindServiceByName(ORDERS).FindMethodByName(name)
    request = class_of(pool, descriptor.input_type.full_name)
    response = class_of(pool, descriptor.output_type.full_name)
    make = channel.unary_stream if name == "WatchOrder" else channel.unary_unary
    call = make(f"/{ORDERS}/{name}", request.SerializeToString, response.FromString)
    return lambda body: call(json_format.ParseDict(body, request()), timeout=TIMEOUT_S)


def refusal(pool, call, body):
    """The status of a call that must fail, with the fields that google.rpc.BadRequest names."""
    try:
        call(body)
    except grpc.RpcError as error:
        trailers = dict(error.trailing_metadata())
        details = trailers.get("grpc-status-details-bin", b"")
        status = class_of(pool, "google.rpc.Status").FromString(details)
        names = []
        for any_detail in status.details:
            if any_detail.type_url.endswith("/google.rpc.BadRequest"):
                bad = class_of(pool, "google.rpc.BadRequest").FromString(any_detail.value)
                names += [violation.field for violation in bad.field_violations]
        return {"code": error.code().name, "fields": names}
    raise AssertionError(f"{body} was not refused")


def main(address, sku):
    with grpc.insecure_channel(address) as channel:
        pool = pool_of(
            reflected(
                channel,
                text_field(4, ORDERS),
                text_field(3, "google/rpc/status.proto"),
                text_field(3, "google/rpc/error_details.proto"),
            )
        )
        place, get, watch = (method(channel, pool, name) for name in ("PlaceOrder", "GetOrder", "WatchOrder"))
        order = {
            "idempotencyKey": f"python-{uuid.uuid4().hex[:16]}",
            "customerId": "cus_python",
            "lines": [{"sku": sku, "quantity": 1}],
            "cardToken": "tok_visa",
        }
        placed = place(order).order
        again = place(order).order
        got = get({"orderId": placed.order_id}).order
        first = next(iter(watch({"orderId": placed.order_id}))).order
        assert placed.order_id == again.order_id == got.order_id == first.order_id, "one key, one order"
        statuses = pool.FindEnumTypeByName("shop.orders.v1.OrderStatus").values_by_number
        return {
            "orderId": placed.order_id,
            "status": statuses[placed.status].name,
            "totalMinorUnits": placed.total.minor_units,
            "empty": refusal(pool, place, {}),
            "unknown": refusal(pool, get, {"orderId": "ord_none"}),
        }


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(f"usage: {sys.argv[0]} HOST:PORT [SKU]")
    try:
        print(json.dumps(main(sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else "TEA-GREEN")))
    except (grpc.RpcError, LookupError, AssertionError) as failure:
        sys.exit(f"python-client: {failure}")
