"""The API's types: their fields in one table, and what reads it (decoding, protobuf, patches, OpenAPI)."""
