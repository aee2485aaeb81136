"""Deployments replace pods step by step: one ReplicaSet for each template, the newest growing as the others shrink.

Source: ``pkg/controller/deployment`` of kubernetes/kubernetes.
"""

from .controller import DeploymentController

__all__ = ["DeploymentController"]
