#!/usr/bin/env python3
"""Mount a file system (FUSE) whose files cannot be read or written: broken_fs.py FOLDER ERRNO_NAME

Its server sits behind the kernel as that of a network share does, so programs meet the real error of the system call.
Names with an extension are files that are there, other names are not. The folder itself can be listed.
ERRNO_NAME gone: the server ends, which is ENOTCONN for everybody.
"""

import ctypes
import errno
import os
import struct
import sys
import time

LOOKUP, FORGET, GETATTR, SETATTR, OPEN, READ, WRITE, STATFS, RELEASE, FSYNC, FLUSH, INIT, OPENDIR, READDIR, ACCESS = (
    1, 2, 3, 4, 14, 15, 16, 17, 18, 20, 25, 26, 27, 28, 34)  # fmt: skip
BATCH_FORGET, RELEASEDIR = 42, 29
OWNER = 2041


def attributes(node):
    mode, size = (0o040777, 0) if node == 1 else (0o100666, 100_000)
    now = int(time.time()) - 3600
    return struct.pack("<QQQQQQIIIIIIIIII", node, size, 8, now, now, now, 0, 0, 0, mode, 1, OWNER, OWNER, 0, 4096, 0)


def answer(opcode, node, body, error):
    """The reply to one request: an error number, or bytes."""
    if opcode == INIT:
        return struct.pack("<IIIIHHIIHHIIIIII", 7, 31, 65536, 0, 16, 12, 65536, 1, 0, 0, 0, 0, 0, 0, 0, 0)
    if opcode == LOOKUP:
        if b"." not in body:
            return errno.ENOENT
        return struct.pack("<QQQQII", 2, 1, 0, 0, 0, 0) + attributes(2)
    if opcode in (GETATTR, SETATTR):
        return struct.pack("<QII", 0, 0, 0) + attributes(node)
    if opcode == OPEN:
        return error if error == errno.ESTALE else struct.pack("<QII", 1, 1, 0)
    if opcode == OPENDIR:
        return struct.pack("<QII", 1, 0, 0)
    if opcode in (RELEASE, RELEASEDIR, READDIR, ACCESS):
        return b""
    return error


def main(folder, name):
    os.makedirs(folder, exist_ok=True)
    fd = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={fd},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    if ctypes.CDLL(None, use_errno=True).mount(b"share", folder.encode(), b"fuse", 0, options):
        raise OSError(ctypes.get_errno(), "mount")
    if os.fork():
        return
    if name == "gone":
        os._exit(0)
    while True:
        request = os.read(fd, 131072)
        length, opcode, unique, node = struct.unpack_from("<IIQQ", request)
        if opcode in (FORGET, BATCH_FORGET):
            continue
        found = answer(opcode, node, request[40:length].rstrip(b"\0"), getattr(errno, name))
        data, error = (found, 0) if isinstance(found, bytes) else (b"", -found)
        os.write(fd, struct.pack("<IiQ", 16 + len(data), error, unique) + data)


if __name__ == "__main__":
    main(*sys.argv[1:])
