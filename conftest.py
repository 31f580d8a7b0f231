"""What the doctests of this folder need: protobuf's room is left out where there is no protobuf."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore_glob: list[str] = []
if find_spec("google") is None or find_spec("google.protobuf") is None:
    collect_ignore_glob.append("policyengine/protobuf/*")
