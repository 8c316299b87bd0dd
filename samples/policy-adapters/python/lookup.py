"""An adapter outside for two templates of one's own, with Python's standard library alone.

    python3 lookup.py [HOST:PORT]

`lookup` (CHECK_WITH_OUTPUT; key -> value) allows the keys that are in the params' table and gives back what
they lead to; `team` (ATTRIBUTE_GENERATOR; user -> team) says which team of the same table a user is in.
Params: {"table": {"jason": "red"}}. `xebec policy proto lookup` prints the proto; fields have the numbers in it.
"""
import sys

from plain_grpc import fields, message, number, serve, struct_in, text

NOT_FOUND = 5


def table_in(request):
    """The params are a google.protobuf.Struct within a google.protobuf.Any."""
    config = fields(request[2][-1]) if 2 in request else {}
    return struct_in(config[2][-1]).get("table", {}) if 2 in config else {}


def first_text(request):
    instance = fields(request[1][-1]) if 1 in request else {}
    return instance[1][-1].decode() if 1 in instance else ""


def handle_lookup(data):
    request = fields(data)
    key, table = first_text(request), table_in(request)
    if key not in table:
        status = number(1, NOT_FOUND) + text(2, f"Python knows no {key or 'nobody'}")
        return message(1, message(1, status))
    result = number(3, 100)
    return message(1, result) + message(2, text(1, table[key]))


def handle_team(data):
    request = fields(data)
    team = table_in(request).get(first_text(request))
    return message(1, b"" if team is None else text(1, team))


serve(
    sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:9070",
    {
        "/lookup.HandleLookupService/HandleLookup": handle_lookup,
        "/team.HandleTeamService/HandleTeam": handle_team,
    },
)
