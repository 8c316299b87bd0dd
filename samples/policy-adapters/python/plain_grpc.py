"""A small gRPC server of Python's standard library alone: unary calls over HTTP/2 in plaintext.

Enough to try an adapter where grpcio is not installed. Messages are bytes; `fields` reads them and
`text`, `number` and `message` write them.
"""
import socket
import struct
import threading

# How many bits each of the 257 signs of HPACK has (RFC 7541, appendix B): A is 5, Z is 30.
BITS = (
    "ISXXXXXXXTZXXZXXXXXXXXZXXXXXXXXXBFFHIBDGFFDGDBBBAAABBBBBBBCDKBHFIBCCCCCCCCCCCCCCCCCCCCCCDCDIOIJB"
    "KABABABBBACCBBBABCBAABCCCCCKGJIXPRPPRRRSRSSSSSTSTTRSTSSSSQRSRSSTRQPRRSSQSRRTQRSSQQRQSRSSPRRRSRRS"
    "VVPORSRUVVVWWVTUOQVWWVWTQQVVXWWWPTPQRQQSRRUUTTVSVWVVWWWWWXWWWWWVZ"
)


def huffman_signs():
    """The code is canonical: signs of the same length follow each other."""
    signs, code, last = {}, 0, 0
    for length, sign in sorted((ord(bits) - 60, sign) for sign, bits in enumerate(BITS)):
        code <<= length - last
        signs[length, code] = sign
        code, last = code + 1, length
    return signs


SIGNS = huffman_signs()


def unhuffman(data):
    decoded, code, length = bytearray(), 0, 0
    for byte in data:
        for shift in range(7, -1, -1):
            code, length = code << 1 | byte >> shift & 1, length + 1
            sign = SIGNS.get((length, code))
            if sign is not None:
                decoded.append(sign)
                code, length = 0, 0
    return bytes(decoded)


class Headers:
    """Decodes header blocks of one connection as far as the path of a call needs it."""

    def __init__(self):
        self.known = []

    def path(self, block):
        self.block, self.at, found = block, 0, None
        while self.at < len(block):
            first = block[self.at]
            if first & 0x80:
                name, value = self.entry(self.integer(7))
            elif first & 0xE0 == 0x20:
                self.integer(5)
                self.known.clear()
                continue
            else:
                is_kept = first & 0x40
                index = self.integer(6 if is_kept else 4)
                name = self.entry(index)[0] if index else self.string()
                value = self.string()
                if is_kept:
                    self.known.insert(0, (name, value))
            if name == b":path":
                found = value
        return found

    def entry(self, index):
        """Of the static table only the path matters."""
        if index > 61:
            return self.known[index - 62]
        return (b":path", b"/") if index in (4, 5) else (b"", b"")

    def integer(self, bits):
        most = (1 << bits) - 1
        value = self.block[self.at] & most
        self.at += 1
        shift = 0
        while value >= most:
            byte = self.block[self.at]
            self.at += 1
            value += (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        return value

    def string(self):
        is_huffman = self.block[self.at] & 0x80
        length = self.integer(7)
        data = self.block[self.at : self.at + length]
        self.at += length
        return unhuffman(data) if is_huffman else data


def literal(name, value):
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


DATA, HEADERS, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = 0, 1, 4, 6, 8, 9
OK = b"\x88" + literal(b"content-type", b"application/grpc")


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


class Connection(threading.Thread):
    def __init__(self, connection, methods):
        super().__init__(daemon=True)
        self.socket, self.methods = connection, methods
        self.lock = threading.Lock()

    def send(self, *frames):
        with self.lock:
            self.socket.sendall(b"".join(frames))

    def read(self, count):
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise ConnectionError
            data += part
        return data

    def run(self):
        try:
            self.serve()
        except (OSError, IndexError):
            pass
        finally:
            self.socket.close()

    def serve(self):
        self.read(24)
        # No dynamic table of headers, and a window that is wide enough for any request.
        self.send(frame(SETTINGS, 0, 0, struct.pack(">HIHI", 1, 0, 4, 1 << 24)))
        headers, blocks, paths, bodies = Headers(), {}, {}, {}
        while True:
            head = self.read(9)
            length, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
            stream = int.from_bytes(head[5:], "big") & 0x7FFFFFFF
            payload = self.read(length)
            if kind == SETTINGS and not flags & 1:
                self.send(frame(SETTINGS, 1, 0))
            elif kind == PING and not flags & 1:
                self.send(frame(PING, 1, 0, payload))
            elif kind in (HEADERS, CONTINUATION):
                if kind == HEADERS:
                    start = (flags & 8 and 1) + (flags & 0x20 and 5)
                    payload = payload[start : len(payload) - (payload[0] if flags & 8 else 0)]
                blocks[stream] = blocks.get(stream, b"") + payload
                if flags & 4:
                    paths[stream] = headers.path(blocks.pop(stream))
            elif kind == DATA:
                if length:
                    self.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", length)))
                if flags & 8:
                    payload = payload[1 : len(payload) - payload[0]]
                bodies[stream] = bodies.get(stream, b"") + payload
                if flags & 1:
                    call = (stream, paths.pop(stream, b""), bodies.pop(stream))
                    threading.Thread(target=self.answer, args=call, daemon=True).start()

    def answer(self, stream, path, body):
        method = self.methods.get((path or b"").decode("latin-1"))
        status, message, reply = b"12", b"there is no such method", b""
        if method is not None:
            try:
                reply = method(body[5:])
                status, message = b"0", b""
                reply = frame(DATA, 0, stream, b"\0" + struct.pack(">I", len(reply)) + reply)
            except Exception as error:
                status, message, reply = b"13", str(error).encode("ascii", "replace")[:100], b""
        end = literal(b"grpc-status", status) + literal(b"grpc-message", message)
        try:
            self.send(frame(HEADERS, 4, stream, OK), reply, frame(HEADERS, 5, stream, end))
        except OSError:
            pass


def serve(address, methods):
    """`methods`: from `/package.Service/Method` to what takes and gives the bytes of a message. Does not return."""
    host, port = address.rsplit(":", 1)
    listener = socket.create_server((host, int(port)))
    print(f"listening {host}:{listener.getsockname()[1]}", flush=True)
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        Connection(connection, methods).start()


def varint(value):
    value &= (1 << 64) - 1
    data = b""
    while value > 0x7F:
        data += bytes([value & 0x7F | 0x80])
        value >>= 7
    return data + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def message(field, data):
    return varint(field << 3 | 2) + varint(len(data)) + data


def text(field, value):
    return message(field, value.encode())


def fields(data):
    """The fields of a message: from number to the values there are, numbers as int and all else as bytes."""
    found, at = {}, 0

    def read():
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag = read()
        if tag & 7 == 0:
            value = read()
        else:
            size = {1: 8, 5: 4}.get(tag & 7) or read()
            value, at = data[at : at + size], at + size
        found.setdefault(tag >> 3, []).append(value)
    return found


def struct_in(data):
    """A google.protobuf.Struct of texts, maps and lists."""

    def value_in(data):
        value = fields(data)
        if 3 in value:
            return value[3][-1].decode()
        if 5 in value:
            return struct_in(value[5][-1])
        return [value_in(each) for each in fields(value[6][-1]).get(1, [])] if 6 in value else None

    entries = [fields(each) for each in fields(data).get(1, [])]
    return {entry[1][-1].decode(): value_in(entry[2][-1]) for entry in entries}
