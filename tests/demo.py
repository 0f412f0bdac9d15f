#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A small service for the demonstration: a few times a second it does what services do."""
import socket
import subprocess
import sys
import time


def read_name():
    with open("/etc/hostname", encoding="utf-8") as file:
        return file.read()


def connect(address):
    with socket.socket() as client:
        client.connect(address)


def load_plugin():
    sys.modules.pop("colorsys", None)
    import colorsys
    return colorsys


def main():
    server = socket.create_server(("127.0.0.1", 0), backlog=64)
    while True:
        read_name()
        connect(server.getsockname())
        server.accept()[0].close()
        subprocess.run(["/bin/sh", "-c", "exit 0"], check=True)
        load_plugin()
        sys.audit("shop.checkout", "order-1001", 49.95)
        time.sleep(0.5)


main()
