"""The edge: builds Envoy's configuration and the OpenAPI document from the contract, and runs Envoy."""
