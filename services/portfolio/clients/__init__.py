"""Other services, over gRPC."""
