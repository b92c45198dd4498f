"""stomp.py's clients at one node that never connect again: see test/harness/surviving/stay-clients.ts for what they do.

usage: staying_stomp_py.py PORT NAME NODE PACE_MS

Lines out: ready, sent ID, receipt ID, got CONSUMER MESSAGE-ID REDELIVERED ID, committed TRANSACTION, cut CLIENT REASON, holding, stopped,
finished. Lines in: hold, release, stop, finish.
"""
import sys
import threading
import time

import stomp

PORT, NAME, NODE, PACE = int(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4]) / 1000
WINDOW, KEPT, PREFETCH = 10, 10, "50"
SENDS_OF_TRANSACTION, TRANSACTION_SECONDS = 2, 0.04

output = threading.Lock()


def tell(line):
    with output:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


class Client(stomp.ConnectionListener):
    """A connection; what comes is given to `on_body` and `on_receipt_id`."""

    def __init__(self, kind):
        self.name = kind + "." + NODE
        self.may_end = False
        self.bye = threading.Event()
        self.connection = stomp.Connection12(
            [("127.0.0.1", PORT)], heartbeats=(2000, 2000), reconnect_attempts_max=1)
        self.connection.set_listener("", self)
        self.connection.connect("test", "test", wait=True)

    def destination(self, mode):
        return "/queue/%s-%s" % (NAME, mode)

    def on_message(self, frame):
        headers = frame.headers
        marked = "1" if headers.get("redelivered") == "true" else "0"
        tell("got %s %s %s %s" % (self.name, headers["message-id"], marked, frame.body))
        self.on_body(headers["ack"] if "ack" in headers else None)

    def on_body(self, ack):
        pass

    def on_receipt(self, frame):
        receipt = frame.headers["receipt-id"]
        if receipt == "bye":
            self.bye.set()
        else:
            self.on_receipt_id(receipt)

    def on_receipt_id(self, receipt):
        pass

    def on_error(self, frame):
        tell("cut %s ERROR %s" % (self.name, frame.headers.get("message", "").replace("\n", " ")))

    def on_disconnected(self):
        if not self.may_end:
            tell("cut %s disconnected" % self.name)

    def on_heartbeat_timeout(self):
        tell("cut %s no heart-beat came" % self.name)

    def finish(self):
        self.may_end = True
        self.connection.disconnect(receipt="bye")
        self.bye.wait()


class Producer(Client):
    def __init__(self, mode):
        super().__init__("p" + mode[0])
        self.queue = self.destination(mode)
        self.next = 0
        self.open = 0
        self.guard = threading.Condition()

    def send(self):
        with self.guard:
            if self.open >= WINDOW:
                return
            self.open += 1
        name = "%s-%d" % (self.name, self.next)
        self.next += 1
        tell("sent " + name)
        self.connection.send(self.queue, name, receipt=name)

    def on_receipt_id(self, receipt):
        tell("receipt " + receipt)
        with self.guard:
            self.open -= 1
            self.guard.notify_all()

    def stop(self):
        with self.guard:
            self.guard.wait_for(lambda: self.open == 0)


class Consumer(Client):
    def __init__(self, mode):
        super().__init__("c" + mode[0])
        self.mode = mode
        self.kept = []
        self.guard = threading.Lock()
        ack = "client-individual" if mode == "individual" else mode
        self.connection.subscribe(self.destination(mode), id="0", ack=ack, headers={"prefetch-count": PREFETCH})

    def on_body(self, ack):
        if self.mode == "auto":
            return
        with self.guard:
            self.kept.append(ack)
            if len(self.kept) <= KEPT:
                return
            oldest = self.kept.pop(0) if self.mode == "individual" else self.kept[-1]
            if self.mode == "client":
                self.kept.clear()
        self.connection.ack(oldest)

    def finish(self):
        with self.guard:
            left = self.kept if self.mode == "individual" else self.kept[-1:]
            self.kept = []
        for ack in left:
            self.connection.ack(ack)
        super().finish()


class Transactor(Client):
    def __init__(self):
        self.unsettled = []
        self.guard = threading.Lock()
        self.committed = threading.Event()
        self.may_commit = threading.Event()
        self.may_commit.set()
        self.ending = False
        super().__init__("t")
        self.queue = self.destination("tx")
        self.connection.subscribe(self.queue, id="0", ack="client-individual", headers={"prefetch-count": PREFETCH})
        self.worker = threading.Thread(target=self.work)
        self.worker.start()

    def on_body(self, ack):
        with self.guard:
            self.unsettled.append(ack)

    def on_receipt_id(self, receipt):
        self.committed.set()

    def work(self):
        following = 0
        number = 0
        while not self.ending:
            number += 1
            transaction = "t%d" % number
            self.connection.begin(transaction)
            names = []
            for _ in range(SENDS_OF_TRANSACTION):
                name = "%s-%d" % (self.name, following)
                following += 1
                names.append(name)
                tell("sent " + name)
                self.connection.send(self.queue, name, transaction=transaction)
            with self.guard:
                settled, self.unsettled = self.unsettled, []
            for ack in settled:
                self.connection.ack(ack, transaction=transaction)
            time.sleep(TRANSACTION_SECONDS)
            if not self.may_commit.is_set():
                tell("holding")
                self.may_commit.wait()
            self.committed.clear()
            self.connection.commit(transaction, receipt=transaction)
            self.committed.wait()
            for name in names:
                tell("receipt " + name)
            tell("committed %s/%d" % (self.name, number))

    def stop(self):
        self.ending = True
        self.may_commit.set()
        self.worker.join()

    def finish(self):
        for ack in self.unsettled:
            self.connection.ack(ack)
        super().finish()


modes = ["individual", "client", "auto"]
consumers = [Consumer(mode) for mode in modes]
producers = [Producer(mode) for mode in modes]
transactor = Transactor()
sending = True


def produce():
    while sending:
        for producer in producers:
            producer.send()
        time.sleep(PACE)


pacer = threading.Thread(target=produce)
pacer.start()
tell("ready")
for line in sys.stdin:
    order = line.strip()
    if order == "hold":
        transactor.may_commit.clear()
    elif order == "release":
        transactor.may_commit.set()
    elif order == "stop":
        sending = False
        pacer.join()
        for producer in producers:
            producer.stop()
        transactor.stop()
        tell("stopped")
    elif order == "finish":
        for client in consumers + producers + [transactor]:
            client.finish()
        tell("finished")
        break
