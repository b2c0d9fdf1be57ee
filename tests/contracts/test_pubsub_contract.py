"""The vendor's Pub/Sub contract: what is generated from it is what the generator makes, and what
both sides send is what it describes.

The messages are judged by classes made of the contract here, not by those that are checked in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import grpc_tools
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet
from grpc_tools import protoc

from integrations.catalogue import connect
from integrations.salesforce_platform import pubsub, streaming
from integrations.sandbox.ports import free_port
from tests.integrations.doors import Org, start_org
from tests.integrations.test_salesforce import org_connection
from tests.integrations.test_salesforce_stream import streamed

ROOT = Path(__file__).resolve().parents[2]
PROTO = "integrations/pubsub/pubsub_api.proto"
MADE = ("pubsub_api_pb2.py", "pubsub_api_pb2.pyi", "pubsub_api_pb2_grpc.py")
SERVICE = "eventbus.v1.PubSub"
Seen = list[tuple[str, bytes]]


def generate(*outputs: str) -> None:
    """Run the generator as the README says."""
    known = Path(grpc_tools.__file__).parent / "_proto"
    wanted = ["protoc", f"-I{ROOT}", f"-I{known}", *outputs, str(ROOT / PROTO)]
    assert protoc.main(wanted) == 0


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> descriptor_pool.DescriptorPool:
    compiled = tmp_path_factory.mktemp("contract") / "contract.bin"
    generate(f"--descriptor_set_out={compiled}")
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(compiled.read_bytes()).file:
        pool.Add(file)
    return pool


@pytest.fixture
def org(tmp_path: Path) -> Iterator[Org]:
    started = start_org(tmp_path / "org.db")
    yield started
    started.stop()


def test_what_is_checked_in_is_what_the_generator_makes(tmp_path: Path) -> None:
    generate(*(f"--{kind}_out={tmp_path}" for kind in ("python", "pyi", "grpc_python")))
    for name in MADE:
        made = (tmp_path / PROTO).with_name(name).read_bytes()
        assert made == (ROOT / PROTO).with_name(name).read_bytes(), name


class Listening:
    """A door before the org's streams that hands all bytes on and keeps them."""

    def __init__(self, upstream: str, seen: Seen) -> None:
        self._upstream = upstream.removeprefix("http://")
        self._seen = seen
        self.port = free_port()

    async def __aenter__(self) -> str:
        self._channel = grpc.aio.insecure_channel(self._upstream)
        self._server = grpc.aio.server()
        self._server.add_generic_rpc_handlers((self,))  # type: ignore[arg-type]
        self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        await self._server.start()
        return f"http://127.0.0.1:{self.port}"

    async def __aexit__(self, *raised: object) -> None:
        await self._server.stop(None)
        await self._channel.close()

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any]:
        path, who = details.method, tuple(details.invocation_metadata or ())

        async def hand_on(requests: Any, context: Any) -> Any:
            async def noted() -> Any:
                async for request in requests:
                    self._seen.append((f"{path} request", request))
                    yield request

            call: grpc.aio.StreamStreamCall[Any, Any] = self._channel.stream_stream(path)(
                noted(), metadata=who
            )
            async for answer in call:
                self._seen.append((f"{path} answer", answer))
                yield answer

        return grpc.stream_stream_rpc_method_handler(hand_on)


def judged(contract: descriptor_pool.DescriptorPool, seen: Seen) -> list[Message]:
    """Every message read by the contract. Fails on what the contract does not know."""
    service = contract.FindServiceByName(SERVICE)
    found = []
    for what, raw in seen:
        path, _, side = what.partition(" ")
        method = service.methods_by_name[path.removeprefix(f"/{SERVICE}/")]
        kind = method.input_type if side == "request" else method.output_type
        message = message_factory.GetMessageClass(kind).FromString(raw)
        assert_known(message)
        found.append(message)
    return found


def assert_known(message: Message) -> None:
    """No member of it or below is unknown to the contract."""
    assert not len(UnknownFieldSet(message)), message
    for field, value in message.ListFields():
        inner: Sequence[Any] = value if not isinstance(value, bytes | str | Message) else (value,)
        for one in inner if field.message_type else ():
            assert_known(one)


async def test_both_sides_keep_to_the_contract(
    org: Org, contract: descriptor_pool.DescriptorPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pubsub, "_ALLOWED", set())
    monkeypatch.setattr(streaming, "_SCHEMAS", {})
    seen: Seen = []
    async with Listening(org.stream, seen) as door:
        options = streamed(door, "opportunity", insecure=True)
        connector = connect("salesforce", replace(org_connection(org), options=options))
        page = await connector.read_changes("opportunity", "", 100)
        while page.has_more:
            page = await connector.read_changes("opportunity", page.next_cursor, 100)
        deal = org.control.do("close_deal", entity="LF-UK")["opportunity"]
        page = await connector.read_changes("opportunity", page.next_cursor, 100)
        await connector.close()
    assert not page.trouble
    assert deal in [change.event.record.source_id for change in page.changes]
    spoken = {what.rpartition("/")[2] for what, _raw in seen}
    assert spoken >= {
        f"{call} {side}"
        for call in ("GetTopic", "Subscribe", "GetSchema")
        for side in ("request", "answer")
    }
    assert judged(contract, seen)
