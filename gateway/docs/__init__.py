"""The page at /docs: it shows the OpenAPI document in a browser, with nothing from any other host."""
