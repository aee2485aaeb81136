"""The paths of the API: objects of every kind, what only pods have (log, exec), and discovery."""
