<?php
// What PHP's stomp extension can do, against a cluster whose master is killed at the end: see test/clients/tours.test.ts for the steps.
// usage: tour_php.php NAME PORT... (the first one is the master's)

$name = $argv[1];
$ports = array_slice($argv, 2);
const PATIENCE = 60;
const BEAT_MS = 1500;
// Its own two seconds are little on a machine that does much else.
ini_set('stomp.default_connection_timeout_sec', (string) PATIENCE);
ini_set('stomp.default_read_timeout_sec', (string) PATIENCE);
const OCTOPUS = '🐙 grüße';

function ok(string $step): void
{
    echo "ok $step\n";
}

function check(bool $condition, string $what): void
{
    if (!$condition) {
        echo "not ok $what\n";
        exit(1);
    }
}

function queue_of(string $what): string
{
    global $name;
    return "/queue/$name-$what";
}

function session(string $port, array $headers = []): Stomp
{
    $stomp = new Stomp("tcp://127.0.0.1:$port", 'test', 'test', $headers + ['accept-version' => '1.1', 'host' => 'test']);
    $stomp->setReadTimeout(PATIENCE);
    return $stomp;
}

function message(Stomp $stomp): StompFrame
{
    $frame = $stomp->readFrame();
    check($frame !== false && $frame->command === 'MESSAGE', 'a message comes: ' . $stomp->error());
    return $frame;
}

// With the header `receipt` the extension waits for it.
function send(Stomp $stomp, string $destination, string $body, array $headers = []): void
{
    static $count = 0;
    check($stomp->send($destination, $body, $headers + ['receipt' => 'r' . ++$count]), 'RECEIPT of SEND');
}

function acknowledge(Stomp $stomp, StompFrame $frame, array $headers = []): void
{
    static $count = 0;
    $all = $headers + ['subscription' => $frame->headers['subscription'], 'receipt' => 'a' . ++$count];
    check($stomp->ack($frame->headers['message-id'], $all), 'RECEIPT of ACK');
}

function left(string $what, int $count): array
{
    global $ports;
    $stomp = session($ports[0]);
    $stomp->subscribe(queue_of($what), ['id' => 'l', 'ack' => 'auto']);
    $bodies = [];
    for ($i = 0; $i < $count; $i++) {
        $bodies[] = message($stomp)->body;
    }
    return $bodies;
}

$main = session($ports[0]);
check($main->getSessionId() !== '', 'a session has an id');
ok('connect');
try {
    new Stomp("tcp://127.0.0.1:$ports[0]", 'test', 'wrong', ['accept-version' => '1.1', 'host' => 'test']);
    check(false, 'a wrong passcode is refused');
} catch (StompException $refused) {
    ok('wrong passcode');
}
send($main, queue_of('receipt'), 'hello', ['kind' => 'plain']);
$main->subscribe(queue_of('receipt'), ['id' => 'r', 'ack' => 'auto']);
$frame = message($main);
check($frame->body === 'hello' && $frame->headers['kind'] === 'plain', 'a message as it was sent');
ok('receipt');
ok('ack auto');

foreach (['client' => ['3'], 'client-individual' => ['1', '3']] as $mode => $expected) {
    foreach (['1', '2', '3'] as $body) {
        send($main, queue_of($mode), $body);
    }
    $holder = session($ports[0]);
    $holder->subscribe(queue_of($mode), ['id' => 'h', 'ack' => $mode]);
    $held = [message($holder), message($holder), message($holder)];
    acknowledge($holder, $held[1]);
    unset($holder);
    check(left($mode, count($expected)) === $expected, "left of $mode");
    ok("ack $mode");
}

$main->subscribe(queue_of('nack'), ['id' => 'n', 'ack' => 'client-individual']);
send($main, queue_of('nack'), 'again');
$frame = message($main);
check($main->nack($frame->headers['message-id'], ['subscription' => 'n', 'receipt' => 'nack']), 'RECEIPT of NACK');
$again = message($main);
check($again->headers['message-id'] === $frame->headers['message-id'], 'NACK brings it again');
check($again->headers['redelivered'] === 'true', 'and says so');
acknowledge($main, $again);
ok('nack');

$main->subscribe(queue_of('transaction'), ['id' => 't', 'ack' => 'client-individual']);
$main->begin('t1');
$main->send(queue_of('transaction'), '1', ['transaction' => 't1']);
$main->send(queue_of('transaction'), '2', ['transaction' => 't1']);
check($main->commit('t1', ['receipt' => 'c1']), 'RECEIPT of COMMIT');
$held = [message($main), message($main)];
check([$held[0]->body, $held[1]->body] === ['1', '2'], 'what was committed');
ok('commit');
$main->begin('t2');
$main->send(queue_of('transaction'), 'never', ['transaction' => 't2']);
acknowledge($main, $held[0], ['transaction' => 't2']);
$main->abort('t2');
acknowledge($main, $held[0]);
acknowledge($main, $held[1]);
send($main, queue_of('transaction'), 'after');
$frame = message($main);
check($frame->body === 'after', 'what was aborted never comes');
acknowledge($main, $frame);
ok('abort');

// The extension has no heart-beats of its own, but what it sends is as good.
$beating = session($ports[0], ['heart-beat' => BEAT_MS . ',0']);
for ($i = 0; $i < 7; $i++) {
    usleep(BEAT_MS * 500);
    send($beating, queue_of('beats'), 'alive');
}
ok('heart-beats kept');
usleep(BEAT_MS * 3500);
$gone = @$beating->send(queue_of('beats'), 'dead', ['receipt' => 'late']) === false;
check($gone, 'dropped without heart-beats');
ok('heart-beats broken');

$main->subscribe(queue_of('bodies'), ['id' => 'b', 'ack' => 'auto']);
$all = implode('', array_map('chr', range(0, 255)));
send($main, queue_of('bodies'), $all);
check(message($main)->body === $all, 'every byte');
ok('binary');
send($main, queue_of('bodies'), OCTOPUS, ['octopus' => OCTOPUS]);
$frame = message($main);
check($frame->body === OCTOPUS && $frame->headers['octopus'] === OCTOPUS, 'four bytes');
ok('UTF-8');
$large = str_repeat('x', 5_000_000);
send($main, queue_of('bodies'), $large);
check(message($main)->body === $large, '5 MB');
ok('5 MB');

$last = session($ports[0]);
send($last, queue_of('kept'), 'before');
echo "ready\n";
check(@$last->readFrame() === false, "the master's end is seen");
$began = microtime(true);
for ($again = null, $i = 1; $again === null; $i++) {
    check(microtime(true) - $began < PATIENCE, 'connects again');
    try {
        $again = session($ports[$i % count($ports)]);
    } catch (StompException $refused) {
        usleep(100_000);
    }
}
$again->subscribe(queue_of('kept'), ['id' => 'k', 'ack' => 'client-individual']);
send($again, queue_of('kept'), 'after');
$held = [message($again), message($again)];
check([$held[0]->body, $held[1]->body] === ['before', 'after'], 'nothing is lost');
acknowledge($again, $held[0]);
acknowledge($again, $held[1]);
ok('reconnect');
