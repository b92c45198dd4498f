# What Net::Stomp can do, against a cluster whose master is killed at the end: see test/clients/tours.test.ts for the steps.
# usage: tour_net_stomp.pl NAME PORT... (the first one is the master's)
use strict;
use warnings;
use utf8;
use Net::Stomp;
use Net::Stomp::Frame;
use Time::HiRes qw(sleep);

my ($name, @ports) = @ARGV;
my $patience = 60;
my $beat_ms = 1500;
my $octopus = "\x{1F419} gr\x{FC}\x{DF}e";
utf8::encode($octopus);
my $all_bytes = pack('C*', 0 .. 255);
$| = 1;

sub ok { print "ok $_[0]\n"; }

sub check {
    my ($condition, $what) = @_;
    return if $condition;
    print "not ok $what\n";
    exit 1;
}

sub queue_of { return "/queue/$name-$_[0]"; }

sub session {
    my ($ports, %headers) = @_;
    my $stomp = Net::Stomp->new({
        hosts => [ map { { hostname => '127.0.0.1', port => $_ } } @$ports ],
        reconnect_on_fork => 0,
    });
    my $connected = $stomp->connect({
        login => 'test', passcode => 'test', 'accept-version' => '1.1', host => 'test', %headers,
    });
    check($connected->command eq 'CONNECTED', 'connects');
    return $stomp;
}

sub message {
    my ($stomp) = @_;
    my $frame = $stomp->receive_frame({ timeout => $patience });
    check($frame && $frame->command eq 'MESSAGE', 'a message comes');
    return $frame;
}

sub publish {
    my ($stomp, $destination, $body, %headers) = @_;
    check($stomp->send_with_receipt({ destination => $destination, body => $body, %headers, timeout => $patience }),
        'RECEIPT of SEND');
}

sub raw {
    my ($stomp, $command, %headers) = @_;
    $stomp->send_frame(Net::Stomp::Frame->new({ command => $command, headers => \%headers }));
}

# In order, so that what the session said before has been heard.
sub leave {
    my ($stomp) = @_;
    raw($stomp, 'DISCONNECT', receipt => 'bye');
    my $frame = $stomp->receive_frame({ timeout => $patience });
    check($frame && $frame->command eq 'RECEIPT', 'RECEIPT of DISCONNECT');
    $stomp->socket->close;
}

sub left {
    my ($what, $count) = @_;
    my $stomp = session([ $ports[0] ]);
    $stomp->subscribe({ destination => queue_of($what), id => 'l', ack => 'auto' });
    my @bodies = map { message($stomp)->body } 1 .. $count;
    leave($stomp);
    return join(',', @bodies);
}

my $main = session([ $ports[0] ]);
ok('connect');
my $stranger = Net::Stomp->new({ hostname => '127.0.0.1', port => $ports[0] });
my $refusal = eval {
    $stranger->connect({ login => 'test', passcode => 'wrong', 'accept-version' => '1.1', host => 'test' });
};
check(!$refusal || $refusal->command eq 'ERROR', 'a wrong passcode is refused');
ok('wrong passcode');
publish($main, queue_of('receipt'), 'hello', kind => 'plain');
$main->subscribe({ destination => queue_of('receipt'), id => 'r', ack => 'auto' });
my $frame = message($main);
check($frame->body eq 'hello' && $frame->headers->{kind} eq 'plain', 'a message as it was sent');
ok('receipt');
ok('ack auto');

for my $case ([ 'client', '3' ], [ 'client-individual', '1,3' ]) {
    my ($mode, $expected) = @$case;
    publish($main, queue_of($mode), $_) for 1 .. 3;
    my $holder = session([ $ports[0] ]);
    $holder->subscribe({ destination => queue_of($mode), id => 'h', ack => $mode });
    my @held = map { message($holder) } 1 .. 3;
    $holder->ack({ frame => $held[1], subscription => 'h' });
    leave($holder);
    my $count = () = $expected =~ /\d/g;
    check(left($mode, $count) eq $expected, "left of $mode");
    ok("ack $mode");
}

$main->subscribe({ destination => queue_of('nack'), id => 'n', ack => 'client-individual' });
publish($main, queue_of('nack'), 'again');
$frame = message($main);
$main->nack({ frame => $frame, subscription => 'n' });
my $again = message($main);
check($again->headers->{'message-id'} eq $frame->headers->{'message-id'}, 'NACK brings it again');
check($again->headers->{redelivered} eq 'true', 'and says so');
$main->ack({ frame => $again, subscription => 'n' });
ok('nack');

$main->subscribe({ destination => queue_of('transaction'), id => 't', ack => 'client-individual' });
check($main->send_transactional({ destination => queue_of('transaction'), body => '1' }), 'a transaction gets its receipts');
$frame = message($main);
check($frame->body eq '1', 'what was committed');
ok('commit');
raw($main, 'BEGIN', transaction => 't1');
$main->send({ destination => queue_of('transaction'), body => 'never', transaction => 't1' });
$main->ack({ frame => $frame, subscription => 't', transaction => 't1' });
raw($main, 'ABORT', transaction => 't1');
$main->ack({ frame => $frame, subscription => 't' });
publish($main, queue_of('transaction'), 'after');
$frame = message($main);
check($frame->body eq 'after', 'what was aborted never comes');
$main->ack({ frame => $frame, subscription => 't' });
ok('abort');

# The library has no heart-beats of its own: they are line ends on its socket.
my $beating = session([ $ports[0] ], 'heart-beat' => "$beat_ms,0");
for (1 .. 7) {
    sleep($beat_ms / 2000);
    $beating->socket->syswrite("\n");
}
publish($beating, queue_of('beats'), 'alive');
ok('heart-beats kept');
my $nothing = $beating->receive_frame({ timeout => $patience });
check(!defined $nothing && !$beating->_connected, 'dropped without heart-beats');
ok('heart-beats broken');

$main->subscribe({ destination => queue_of('bodies'), id => 'b', ack => 'auto' });
publish($main, queue_of('bodies'), $all_bytes, 'content-length' => 256);
check(message($main)->body eq $all_bytes, 'every byte');
ok('binary');
publish($main, queue_of('bodies'), $octopus, octopus => $octopus);
$frame = message($main);
check($frame->body eq $octopus && $frame->headers->{octopus} eq $octopus, 'four bytes');
ok('UTF-8');
publish($main, queue_of('bodies'), 'x' x 5_000_000);
check(message($main)->body eq 'x' x 5_000_000, '5 MB');
ok('5 MB');
leave($main);

# The library connects and subscribes again by itself; the test sends to `wake` when there is a new master.
my $last = session(\@ports);
publish($last, queue_of('kept'), 'before');
$last->subscribe({ destination => queue_of('wake'), id => 'w', ack => 'auto' });
print "ready\n";
check(!defined $last->receive_frame({ timeout => $patience }), "the master's end is seen");
check(message($last)->body eq 'wake', 'subscribed again');
$last->subscribe({ destination => queue_of('kept'), id => 'k', ack => 'client-individual' });
$frame = message($last);
check($frame->body eq 'before', 'nothing is lost');
$last->ack({ frame => $frame, subscription => 'k' });
publish($last, queue_of('kept'), 'after');
$frame = message($last);
check($frame->body eq 'after', 'it goes on');
$last->ack({ frame => $frame, subscription => 'k' });
leave($last);
ok('reconnect');
