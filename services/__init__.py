"""The services, one folder each. They meet over gRPC only and never import each other."""
