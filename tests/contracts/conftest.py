"""The contract under test, and a second one that breaks every rule on purpose."""

from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc

from tests.contracts.descriptors import Contract

ROOT = Path(__file__).parents[2]
DESCRIPTORS = ROOT / "gen" / "plimsoll.binpb"


@pytest.fixture(scope="session")
def contract() -> Contract:
    """Our contract, as `make protos` built it."""
    return Contract(FileDescriptorSet.FromString(DESCRIPTORS.read_bytes()))


@pytest.fixture(scope="session")
def broken_contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """`broken.proto`, compiled: what it imports is taken from our descriptor set."""
    target = tmp_path_factory.mktemp("contract") / "broken.binpb"
    arguments = [
        f"-I{Path(__file__).parent}",
        f"--descriptor_set_in={DESCRIPTORS}",
        f"--descriptor_set_out={target}",
        "--include_source_info",
        "broken.proto",
    ]
    assert protoc.main(["protoc", *arguments]) == 0
    return Contract(FileDescriptorSet.FromString(target.read_bytes()))
