"""stomp.py against one node: prints one line per step that held, exits 1 on the first that did not.

usage: stomp_py.py PORT QUEUE
"""
import queue
import sys

import stomp

PORT, NAME = int(sys.argv[1]), sys.argv[2]
PATIENCE = 30


class Listener(stomp.ConnectionListener):
    def __init__(self):
        self.messages = queue.Queue()
        self.receipts = queue.Queue()
        self.errors = queue.Queue()

    def on_message(self, frame):
        self.messages.put(frame)

    def on_receipt(self, frame):
        self.receipts.put(frame.headers["receipt-id"])

    def on_error(self, frame):
        self.errors.put(frame)


def check(condition, what):
    if not condition:
        print("not ok " + what)
        sys.exit(1)
    print("ok " + what)


def session(version_class):
    connection = version_class([("127.0.0.1", PORT)], heartbeats=(4000, 4000))
    listener = Listener()
    connection.set_listener("", listener)
    connection.connect("test", "test", wait=True)
    return connection, listener


def body(listener):
    return listener.messages.get(timeout=PATIENCE)


for version, connection_class in (("1.1", stomp.Connection11), ("1.2", stomp.Connection12)):
    destination = "/queue/%s-%s" % (NAME, version)
    connection, listener = session(connection_class)
    check(connection.is_connected(), version + " connects")

    connection.send(destination, "grüße \U0001f680", headers={"kind": "a:b\\c\nd"}, receipt="r1")
    check(listener.receipts.get(timeout=PATIENCE) == "r1", version + " SEND gets its receipt")

    connection.subscribe(destination, id="s1", ack="client-individual")
    frame = body(listener)
    check(frame.body == "grüße \U0001f680", version + " body comes out as it went in")
    check(frame.headers["kind"] == "a:b\\c\nd", version + " escaped header comes out as it went in")
    acknowledge = (lambda f: connection.ack(f.headers["ack"])) if version == "1.2" else (
        lambda f: connection.ack(f.headers["message-id"], "s1"))
    refuse = (lambda f: connection.nack(f.headers["ack"])) if version == "1.2" else (
        lambda f: connection.nack(f.headers["message-id"], "s1"))
    refuse(frame)
    again = body(listener)
    check(again.headers["message-id"] == frame.headers["message-id"], version + " NACK brings it again")
    check(again.headers.get("redelivered") == "true", version + " marked redelivered")
    check(again.headers.get("delivery-count") == "2", version + " with its delivery counted")
    acknowledge(again)

    transaction = connection.begin()
    connection.send(destination, "in", transaction=transaction)
    connection.send(destination, "side", transaction=transaction)
    connection.commit(transaction, receipt="r2")
    check(listener.receipts.get(timeout=PATIENCE) == "r2", version + " COMMIT gets its receipt")
    got = [body(listener), body(listener)]
    check([f.body for f in got] == ["in", "side"], version + " committed messages come in order")
    for f in got:
        acknowledge(f)

    aborted = connection.begin()
    connection.send(destination, "never", transaction=aborted)
    connection.abort(aborted)
    connection.send(destination, "after", receipt="r3")
    check(listener.receipts.get(timeout=PATIENCE) == "r3", version + " goes on after ABORT")
    last = body(listener)
    check(last.body == "after", version + " an aborted message never comes")
    acknowledge(last)

    connection.disconnect(receipt="bye")
    check(listener.receipts.get(timeout=PATIENCE) == "bye", version + " DISCONNECT gets its receipt")
    check(listener.errors.empty(), version + " no ERROR came")
