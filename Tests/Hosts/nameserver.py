"""A name server that knows one name: it answers every question for an IPv4 address with the one it was given."""

import argparse
import socket
import struct

HEADER = struct.Struct("!HHHHHH")
TYPE_A = 1


def answer(query, address):
    number, flags, questions, *_ = HEADER.unpack_from(query)
    end = query.index(0, HEADER.size) + 5
    question = query[HEADER.size:end]
    kind = struct.unpack_from("!H", question, len(question) - 4)[0]
    # The name is the question's, at byte 12; good for 1 s.
    found = struct.pack("!HHHIH", 0xC00C, TYPE_A, 1, 1, 4) + socket.inet_aton(address) if kind == TYPE_A else b""
    return HEADER.pack(number, 0x8180 | flags & 0x0100, 1, 1 if found else 0, 0, 0) + question + found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", required=True, help="address; the port is 53")
    parser.add_argument("--address", required=True, help="what every name means")
    options = parser.parse_args()
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((options.listen, 53))
    while True:
        query, client = server.recvfrom(512)
        server.sendto(answer(query, options.address), client)


if __name__ == "__main__":
    main()
