# serve.sh - for shell tests to source: a web server for one request.
# shellcheck shell=bash
perl -MIO::Socket::INET -e 1 2>/dev/null || skip_all "no perl with IO::Socket::INET"

# serve STATUS-LINE BODY [HEADER]: answers one request, on a port of its own, which is then in $port. The
# request line goes to $work/request. Wait for $server afterwards.
serve() {
  rm -f "$work/port"
  printf '%s' "$2" >"$work/body"
  perl -MIO::Socket::INET -e '
    my ($status, $dir, $header) = @ARGV;
    my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or die;
    open(my $p, ">", "$dir/port.new") or die; print $p $s->sockport; close $p;
    rename("$dir/port.new", "$dir/port");
    open(my $b, "<", "$dir/body") or die; local $/; my $body = <$b>;
    $SIG{ALRM} = sub { exit 1 }; alarm 120;
    my $c = $s->accept or die;
    { local $/ = "\r\n"; while (my $l = <$c>) { $first //= $l; last if $l eq "\r\n"; } }
    open(my $r, ">", "$dir/request") or die; print $r $first; close $r;
    $header .= "\r\n" if $header;
    print $c "HTTP/1.1 $status\r\n${header}Content-Length: " . length($body) . "\r\nConnection: close\r\n\r\n$body";
    close $c;' "$1" "$work" "${3:-}" &
  server=$!
  for _ in $(seq 600); do
    [ -s "$work/port" ] && break
    sleep 0.1
  done
  port=$(<"$work/port")
}
