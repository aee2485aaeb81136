"""An OpenFaaS-compatible gateway that runs the functions of a folder as processes of this machine.

For development, demos and tests: it listens on loopback unless set otherwise, does not scale and pulls no image.
Clients and functions are the ones of a real OpenFaaS: the same routes and headers, handlers as the template
`python3-http` has them, and a `stack.yaml` that `faas-cli up` would take.

Run as ``python -m baton_local.gateway --help``.
Source: https://docs.openfaas.com/reference/async/, https://github.com/openfaas/of-watchdog (HTTP mode),
https://github.com/openfaas/python-flask-template (python3-http).
"""
