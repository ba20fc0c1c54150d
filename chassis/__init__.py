"""How to be a service: settings, server, authentication, errors, telemetry, database, cache, channels.

No finance noun appears here; nothing here imports a service.
"""
