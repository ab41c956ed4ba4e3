"""An agent's side of the link, as far as a test or a benchmark needs it: hello, reports, telemetry. See docs/telemetry.md
for the packed form."""

import base64
import json

# In the order of DeviceState.allCases and DeviceCounter.allCases; the last number is a counter's step.
STATES = ["idle", "starting", "working", "starved", "memoryBound", "launchBound", "hung", "unknown"]
COUNTERS = [
    ("utilisation", 0.0001), ("memoryUtilisation", 0.0001), ("power", 0.1), ("smClock", 1), ("memoryUsed", 1 << 20),
    ("processes", 0.1), ("graphics", 0.0001), ("sm", 0.0001), ("occupancy", 0.0001), ("integer", 0.0001),
    ("tensor", 0.0001), ("dram", 0.0001), ("fp64", 0.0001), ("fp32", 0.0001), ("fp16", 0.0001), ("pcieReceived", 1),
    ("pcieSent", 1)]
RECORDING = 4


def number(value):
    """7 bits a byte, least first."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def device(states, counters):
    """`states`: milliseconds by state; `counters`: by name, in their own units."""
    out = number(sum(states.values())) + number(0) + number(0)
    out += number(sum(1 << i for i, name in enumerate(STATES) if states.get(name)))
    out += b"".join(number(states[name]) for name in STATES if states.get(name))
    out += number(sum(1 << i for i, (name, _) in enumerate(COUNTERS) if name in counters))
    out += b"".join(number(round(counters[name] / step)) for name, step in COUNTERS if name in counters)
    return out + number(round(counters.get("smClock", 0)) if counters.get("tensor") else 0)


def rollup(start, length, devices):
    """`start` and `length` in milliseconds; `devices` as `device` made them."""
    return number(1) + number(start) + number(length) + number(RECORDING) + number(len(devices)) + b"".join(devices)


def line(message):
    return json.dumps(message).encode() + b"\n"


def hello(name, devices, device_type="", epoch=0):
    return line({
        "t": "hello", "v": 1, "role": "agent", "node": name, "machine": "machine-" + name, "boot": "boot",
        "devices": devices, "deviceType": device_type, "cpus": 8, "memoryBytes": 1 << 36, "address": "127.0.0.1",
        "pid": 1, "epoch": epoch})


def report(beat):
    return line({"t": "report", "beat": beat, "members": []})


def telemetry(packed):
    return line({"t": "telemetry", "data": base64.b64encode(packed).decode()})


def head(host, token):
    return (f"POST /v1/link HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
            "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n").encode()


def chunk(data):
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"
