"""The OpenAPI document of the REST API, derived from the contract: paths, rules, comments, examples."""
