"""Puts the gateway together: the contract is read once, everything else is derived from it."""

from dataclasses import dataclass

from gateway.contract.descriptors import read_descriptors
from gateway.contract.rpcs import routed_rpcs
from gateway.docs.page import pages
from gateway.envoy.bootstrap import bootstrap
from gateway.envoy.extension import Json
from gateway.openapi.document import openapi_document
from gateway.settings import Settings


@dataclass(frozen=True, slots=True)
class Assembly:
    """What the gateway runs with."""

    configuration: Json
    """Envoy's."""
    openapi: Json
    """The document of the REST API."""


def assemble(settings: Settings) -> Assembly:
    """Derive configuration and document from the contract.

    Raises:
        ContractError: the contract asks for what the edge cannot or must not do.
    """
    descriptors = read_descriptors()
    rpcs = routed_rpcs(descriptors)
    openapi = openapi_document(descriptors, rpcs)
    return Assembly(bootstrap(settings, descriptors, rpcs, pages(openapi)), openapi)
