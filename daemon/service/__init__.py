"""How the service shows that it is well."""
