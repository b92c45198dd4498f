"""What stomp.py can do, against a cluster whose master is killed at the end: see test/clients/tours.test.ts for the steps.

usage: tour_stomp_py.py NAME PORT... (the first one is the master's)
"""
import queue
import sys
import threading
import time

import stomp

NAME, PORTS = sys.argv[1], [int(port) for port in sys.argv[2:]]
PATIENCE = 60
BEAT_MS = 1500
OCTOPUS = "🐙 grüße"
ALL_BYTES = bytes(range(256))


def ok(step):
    print("ok " + step, flush=True)


def check(condition, what):
    if not condition:
        print("not ok " + what, flush=True)
        sys.exit(1)


class Session(stomp.ConnectionListener):
    def __init__(self, ports, heartbeats=(0, 0), headers=None, passcode="test"):
        self.messages = queue.Queue()
        self.receipts = queue.Queue()
        self.lost = threading.Event()
        self.count = 0
        self.connection = stomp.Connection12(
            [("127.0.0.1", port) for port in ports], heartbeats=heartbeats, auto_decode=False,
            reconnect_attempts_max=200, reconnect_sleep_initial=0.1, reconnect_sleep_increase=0)
        self.connection.set_listener("", self)
        self.headers = headers or {}
        self.passcode = passcode
        self.connect()

    def connect(self):
        self.lost.clear()
        self.connection.connect("test", self.passcode, wait=True, headers=self.headers)

    def on_message(self, frame):
        self.messages.put(frame)

    def on_receipt(self, frame):
        self.receipts.put(frame.headers["receipt-id"])

    def on_error(self, frame):
        check(self.passcode == "wrong", "no ERROR: " + str(frame.headers.get("message")))

    def on_disconnected(self):
        self.lost.set()

    def send(self, destination, body, **more):
        self.count += 1
        receipt = "r%d" % self.count
        self.connection.send(destination, body, receipt=receipt, **more)
        check(self.receipts.get(timeout=PATIENCE) == receipt, "RECEIPT of SEND")

    def subscribe(self, destination, ack, id="s"):
        self.connection.subscribe(destination, id=id, ack=ack)

    def bodies(self, count):
        return [self.messages.get(timeout=PATIENCE) for _ in range(count)]

    def settle(self, how, frame, **more):
        self.count += 1
        receipt = "r%d" % self.count
        how(frame.headers["ack"], receipt=receipt, **more)
        check(self.receipts.get(timeout=PATIENCE) == receipt, "RECEIPT of ACK")

    def ack(self, frame, **more):
        self.settle(self.connection.ack, frame, **more)

    def leave(self):
        self.connection.disconnect(receipt="bye")
        check(self.receipts.get(timeout=PATIENCE) == "bye", "RECEIPT of DISCONNECT")


def queue_of(name):
    return "/queue/%s-%s" % (NAME, name)


def texts(frames):
    return [frame.body.decode() for frame in frames]


def left(name, count):
    """What the next consumer is given."""
    session = Session(PORTS[:1])
    session.subscribe(queue_of(name), "auto")
    found = texts(session.bodies(count))
    session.leave()
    return found


main = Session(PORTS[:1])
ok("connect")
try:
    Session(PORTS[:1], passcode="wrong")
    check(False, "a wrong passcode is refused")
except stomp.exception.ConnectFailedException:
    ok("wrong passcode")

main.send(queue_of("receipt"), "hello", headers={"kind": "a:b\\c\nd"})
main.subscribe(queue_of("receipt"), "auto")
frame = main.bodies(1)[0]
check((frame.body, frame.headers["kind"]) == (b"hello", "a:b\\c\nd"), "a message as it was sent")
ok("receipt")
ok("ack auto")

for mode, expected in (("client", ["3"]), ("client-individual", ["1", "3"])):
    for body in ("1", "2", "3"):
        main.send(queue_of(mode), body)
    holder = Session(PORTS[:1])
    holder.subscribe(queue_of(mode), mode)
    held = holder.bodies(3)
    holder.ack(held[1])
    holder.leave()
    check(left(mode, len(expected)) == expected, "left of " + mode)
    ok("ack " + mode)

main.subscribe(queue_of("nack"), "client-individual", "n")
main.send(queue_of("nack"), "again")
frame = main.bodies(1)[0]
main.settle(main.connection.nack, frame)
again = main.bodies(1)[0]
check(again.headers["message-id"] == frame.headers["message-id"], "NACK brings it again")
check(again.headers["redelivered"] == "true", "and says so")
main.ack(again)
ok("nack")

main.subscribe(queue_of("transaction"), "client-individual", "t")
transaction = main.connection.begin()
main.connection.send(queue_of("transaction"), "1", transaction=transaction)
main.connection.send(queue_of("transaction"), "2", transaction=transaction)
main.connection.commit(transaction)
held = main.bodies(2)
check(texts(held) == ["1", "2"], "what was committed")
ok("commit")
transaction = main.connection.begin()
main.connection.send(queue_of("transaction"), "never", transaction=transaction)
main.ack(held[0], transaction=transaction)
main.connection.abort(transaction)
for frame in held:
    main.ack(frame)
main.send(queue_of("transaction"), "after")
frame = main.bodies(1)[0]
check(frame.body == b"after", "what was aborted never comes")
main.ack(frame)
ok("abort")

beating = Session(PORTS[:1], (BEAT_MS, BEAT_MS))
check(not beating.lost.wait(3.5 * BEAT_MS / 1000), "kept by heart-beats")
beating.send(queue_of("beats"), "alive")
beating.leave()
ok("heart-beats kept")
# The library is told nothing of what its CONNECT promises.
silent = Session(PORTS[:1], headers={"heart-beat": "%d,0" % BEAT_MS})
check(silent.lost.wait(PATIENCE), "dropped without heart-beats")
ok("heart-beats broken")

main.subscribe(queue_of("bodies"), "auto", "b")
main.send(queue_of("bodies"), ALL_BYTES)
check(main.bodies(1)[0].body == ALL_BYTES, "every byte")
ok("binary")
main.send(queue_of("bodies"), OCTOPUS, headers={"octopus": OCTOPUS})
frame = main.bodies(1)[0]
check((frame.body.decode(), frame.headers["octopus"]) == (OCTOPUS, OCTOPUS), "four bytes")
ok("UTF-8")
main.send(queue_of("bodies"), b"x" * 5_000_000)
check(main.bodies(1)[0].body == b"x" * 5_000_000, "5 MB")
ok("5 MB")
main.leave()

last = Session(PORTS)
last.send(queue_of("kept"), "before")
print("ready", flush=True)
check(last.lost.wait(PATIENCE), "the master's end is seen")
time.sleep(0.05)
last.connect()
last.subscribe(queue_of("kept"), "client-individual")
last.send(queue_of("kept"), "after")
held = last.bodies(2)
check(texts(held) == ["before", "after"], "nothing is lost")
for frame in held:
    last.ack(frame)
last.leave()
ok("reconnect")
