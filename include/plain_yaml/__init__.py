"""YAML that somebody else wrote, read within limits. Needs PyYAML and nothing of this project.

>>> load("a: [1, 2]")
{'a': [1, 2]}

Why: what makes objects of YAML calls itself for each level, in C too, so that a few kilobytes of brackets end the
process by a signal that nothing can catch; aliases within aliases become gigabytes for whoever walks through them.
A parser's *events* come one after the other, without recursion: they are counted before anything is made of them.
"""

from .limits import MAX_DEPTH, check
from .loading import PlainLoader, UnreadableError, load, where

__all__ = ["MAX_DEPTH", "PlainLoader", "UnreadableError", "check", "load", "where"]
