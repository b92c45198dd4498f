# Net::Stomp against one node: prints one line per step that held, exits 1 on the first that did not.
# usage: net_stomp.pl PORT QUEUE
use strict;
use warnings;
use Net::Stomp;

my ($port, $name) = @ARGV;
my $patience = 30;

sub check {
    my ($condition, $what) = @_;
    print(($condition ? 'ok ' : 'not ok ') . $what . "\n");
    exit 1 unless $condition;
}

my $destination = "/queue/$name";
my $stomp = Net::Stomp->new({ hostname => '127.0.0.1', port => $port });
my $connected = $stomp->connect({ login => 'test', passcode => 'test', 'accept-version' => '1.1', host => 'test' });
check($connected->command eq 'CONNECTED', 'connects');
check($connected->headers->{version} eq '1.1', 'speaks 1.1, as asked');

check($stomp->send_with_receipt({ destination => $destination, body => 'hello', kind => 'plain' }), 'SEND gets its receipt');

$stomp->subscribe({ destination => $destination, id => 's1', ack => 'client-individual' });
my $frame = $stomp->receive_frame({ timeout => $patience });
check($frame && $frame->body eq 'hello', 'body comes out as it went in');
check($frame->headers->{kind} eq 'plain', 'header comes out as it went in');

$stomp->nack({ frame => $frame, subscription => 's1' });
$frame = $stomp->receive_frame({ timeout => $patience });
check($frame && ($frame->headers->{redelivered} // '') eq 'true', 'NACK brings it again, marked');
$stomp->ack({ frame => $frame, subscription => 's1' });

check($stomp->send_transactional({ destination => $destination, body => 'committed' }), 'a transaction gets its receipts');
$frame = $stomp->receive_frame({ timeout => $patience });
check($frame && $frame->body eq 'committed', 'a committed message comes');
$stomp->ack({ frame => $frame, subscription => 's1' });

$stomp->send_frame(Net::Stomp::Frame->new({ command => 'BEGIN', headers => { transaction => 't1' } }));
$stomp->send({ destination => $destination, body => 'never', transaction => 't1' });
$stomp->send_frame(Net::Stomp::Frame->new({ command => 'ABORT', headers => { transaction => 't1' } }));
$stomp->send({ destination => $destination, body => 'after' });
$frame = $stomp->receive_frame({ timeout => $patience });
check($frame && $frame->body eq 'after', 'an aborted message never comes');
$stomp->ack({ frame => $frame, subscription => 's1' });
$stomp->disconnect;
print "ok disconnects\n";
