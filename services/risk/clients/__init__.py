"""The ports of this service over gRPC."""
