"""What reads the table of the API's types (`kubernetes_values.fields`): decoding and OpenAPI."""
