"""What a host describes, as descriptors in one pool."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from google.protobuf import (
    any_pb2,
    descriptor_pool,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.message import DecodeError

# Every environment with messages has these.
WELL_KNOWN = (
    any_pb2.DESCRIPTOR,
    duration_pb2.DESCRIPTOR,
    empty_pb2.DESCRIPTOR,
    field_mask_pb2.DESCRIPTOR,
    struct_pb2.DESCRIPTOR,
    timestamp_pb2.DESCRIPTOR,
    wrappers_pb2.DESCRIPTOR,
)

Descriptors: TypeAlias = bytes | FileDescriptorSet | Iterable[FileDescriptor]


def read_files(descriptors: Descriptors) -> list[FileDescriptor]:
    """The files that are described, with all that they import, in one pool.

    Raises `ValueError` for what is damaged, or lacks a file that another one imports.
    """
    if isinstance(descriptors, bytes):
        try:
            descriptors = FileDescriptorSet.FromString(descriptors)
        except DecodeError:
            raise ValueError("these bytes are no FileDescriptorSet") from None
    if isinstance(descriptors, FileDescriptorSet):
        return _pooled(list(descriptors.file))
    return list(_with_imports(descriptors))


def _pooled(files: list[FileDescriptorProto]) -> list[FileDescriptor]:
    pool = descriptor_pool.DescriptorPool()
    waiting = {file.name: file for file in files}
    for known in WELL_KNOWN:
        if known.name not in waiting:
            waiting[known.name] = FileDescriptorProto.FromString(known.serialized_pb)
    ordered: list[FileDescriptor] = []
    added: set[str] = set()
    while waiting:
        ready = [f for f in waiting.values() if added.issuperset(f.dependency)]
        if not ready:
            absent = {name for f in waiting.values() for name in f.dependency} - added - {*waiting}
            what = ", ".join(sorted(absent)) or "files that import each other"
            raise ValueError(f"the descriptors lack what they import: {what}")
        for file in ready:
            ordered.append(_added(pool, file))
            added.add(file.name)
            del waiting[file.name]
    return ordered


def _added(pool: descriptor_pool.DescriptorPool, file: FileDescriptorProto) -> FileDescriptor:
    try:
        pool.AddSerializedFile(file.SerializeToString())
        return pool.FindFileByName(file.name)
    except (TypeError, KeyError) as error:
        # What protobuf raises depends on whether it is the one in C or the one in Python.
        raise ValueError(f"the file {file.name} is not valid: {error}") from None


def _with_imports(files: Iterable[FileDescriptor]) -> Iterator[FileDescriptor]:
    waiting = [*files, *WELL_KNOWN]
    seen: set[str] = set()
    while waiting:
        file = waiting.pop(0)
        if file.name not in seen:
            seen.add(file.name)
            yield file
            waiting.extend(file.dependencies)


def messages_of(file: FileDescriptor) -> Iterator[Descriptor]:
    """All message types of a file, those inside others too."""
    waiting = list(file.message_types_by_name.values())
    while waiting:
        found = waiting.pop()
        if not found.GetOptions().map_entry:
            yield found
            waiting.extend(found.nested_types)


def enums_of(file: FileDescriptor) -> Iterator[EnumDescriptor]:
    """All enum types of a file, those inside messages too."""
    yield from file.enum_types_by_name.values()
    for message in messages_of(file):
        yield from message.enum_types
