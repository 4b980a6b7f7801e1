/** The proxy over time: expiry, prefetch, stale answers, coalescing, failing servers, split DNS. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { withScope } from '../../helpers/with-scope.ts';
import { replay } from './replay.ts';

function play(title: string, script: string): void {
  test(title, withScope(async (context) => {
    const { servers } = await replay(script, context);
    context.watch('sockets', () => servers.openSockets);
  }));
}

play('an answer is kept for its time to live', `
  links 2 192.0.2.1
  serve 192.0.2.1 a.test A = 192.0.2.7 ttl 60
  ask a.test A = 192.0.2.7 ttl 60
  pass 30s
  ask A.Test A = 192.0.2.7 ttl 30
  pass 29s
  ask a.test A = 192.0.2.7 ttl 1
  got 192.0.2.1 2            # the second is the prefetch of what is popular
  pass 61s
  ask a.test A = 192.0.2.7 ttl 60
  got 192.0.2.1 1
`);

play('what has no time to live is asked for each time', `
  links 2 192.0.2.1
  serve 192.0.2.1 a.test A = 192.0.2.7 ttl 0
  ask a.test A = 192.0.2.7 ttl 0
  ask a.test A = 192.0.2.7 ttl 0
  got 192.0.2.1 2
`);

play('what is asked for once is not asked again beforehand', `
  links 2 192.0.2.1
  serve 192.0.2.1 a.test A = 192.0.2.7 ttl 100
  ask a.test A = 192.0.2.7 ttl 100
  pass 95s
  ask a.test A = 192.0.2.7 ttl 5
  got 192.0.2.1 1
`);

play('that there is nothing is kept as long as the SOA says, at most 15 minutes', `
  links 2 192.0.2.1
  serve 192.0.2.1 no.test A = nxdomain 30
  serve 192.0.2.1 none.test AAAA = nodata 86400
  ask no.test A = nxdomain
  ask none.test AAAA = nodata
  pass 29s
  ask no.test A = nxdomain
  got 192.0.2.1 2
  pass 2s
  ask no.test A = nxdomain
  pass 14m
  ask none.test AAAA = nodata
  got 192.0.2.1 1
  pass 1m
  ask none.test AAAA = nodata
  got 192.0.2.1 1
`);

play('equal questions are asked once', `
  links 2 192.0.2.1
  ask a.test A = later
  ask a.test A = later
  ask b.test A = later
  got 192.0.2.1 2
`);

play('a server that is silent costs a moment, then nothing', `
  links 2 192.0.2.1 192.0.2.2
  serve 192.0.2.2 a.test A = 192.0.2.7 ttl 600
  serve 192.0.2.2 b.test A = 192.0.2.8 ttl 600
  serve 192.0.2.2 c.test A = 192.0.2.9 ttl 600
  ask a.test A = later
  ask b.test A = later
  pass 350ms
  told a.test A = 192.0.2.7 ttl 600
  told b.test A = 192.0.2.8 ttl 600
  pass 1s
  ask c.test A = 192.0.2.9 ttl 600
`);

play('a server that comes back is asked first again', `
  links 2 192.0.2.1 192.0.2.2
  serve 192.0.2.2 a.test A = 192.0.2.7 ttl 1
  ask a.test A = later
  pass 5s
  ask a.test A = later
  pass 5s
  got 192.0.2.2 2
  ask a.test A = 192.0.2.7 ttl 1      # both at once
  got 192.0.2.2 1
  serve 192.0.2.1 a.test A = 192.0.2.1 ttl 1
  pass 70s
  ask a.test A = 192.0.2.1 ttl 1
  pass 2s
  got 192.0.2.2 1
  ask a.test A = 192.0.2.1 ttl 1
  pass 10s
  got 192.0.2.2 0
`);

play('a server that refuses is passed over at once', `
  links 2 192.0.2.1 192.0.2.2
  serve 192.0.2.1 a.test A = refused
  serve 192.0.2.2 a.test A = 192.0.2.7 ttl 60
  ask a.test A = 192.0.2.7 ttl 60
`);

play('there may be more than three servers', `
  links 2 192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5
  serve 192.0.2.1 a.test A = refused
  serve 192.0.2.2 a.test A = servfail
  serve 192.0.2.3 a.test A = refused
  serve 192.0.2.4 a.test A = refused
  serve 192.0.2.5 a.test A = 192.0.2.7 ttl 60
  ask a.test A = 192.0.2.7 ttl 60
`);

play('when all fail it is said, and for a second nobody is asked', `
  links 2 192.0.2.1
  serve 192.0.2.1 a.test A = servfail
  ask a.test A = servfail
  ask a.test A = servfail
  got 192.0.2.1 1
  pass 1100ms
  serve 192.0.2.1 a.test A = 192.0.2.7 ttl 60
  ask a.test A = 192.0.2.7 ttl 60
`);

play('silence ends after five seconds', `
  links 2 192.0.2.1
  ask a.test A = later
  pass 4.9s
  told a.test A = later
  pass 150ms
  told a.test A = servfail
`);

play('what was known is better than nothing', `
  links 2 192.0.2.1
  serve 192.0.2.1 a.test A = 192.0.2.7 ttl 60
  ask a.test A = 192.0.2.7 ttl 60
  serve 192.0.2.1 a.test A = silent
  pass 61s
  ask a.test A = later
  pass 1900ms
  told a.test A = 192.0.2.7 ttl 30 stale
  pass 5s
  ask a.test A = 192.0.2.7 ttl 30 stale   # at once now
  serve 192.0.2.1 a.test A = 192.0.2.9 ttl 60
  pass 61s
  ask a.test A = 192.0.2.9 ttl 60
`);

play('a refresh that fails leaves a fresh answer as it is', `
  links 2 192.0.2.1
  serve 192.0.2.1 a.test A = 192.0.2.7 ttl 100
  ask a.test A = 192.0.2.7 ttl 100
  serve 192.0.2.1 a.test A = servfail
  pass 92s
  ask a.test A = 192.0.2.7 ttl 8
  ask a.test A = 192.0.2.7 ttl 8
  pass 3s
  ask a.test A = 192.0.2.7 ttl 5
  pass 6s
  ask a.test A = 192.0.2.7 ttl 30 stale
`);

play('stale answers end after a day', `
  links 2 192.0.2.1
  serve 192.0.2.1 a.test A = 192.0.2.7 ttl 60
  ask a.test A = 192.0.2.7 ttl 60
  serve 192.0.2.1 a.test A = servfail
  pass 24h
  ask a.test A = 192.0.2.7 ttl 30 stale
  pass 2m
  ask a.test A = servfail
`);

play('other servers, other answers', `
  links 2 192.0.2.1
  serve 192.0.2.1 a.test A = 192.0.2.7 ttl 60
  serve 198.51.100.1 a.test A = 198.51.100.7 ttl 60
  ask a.test A = 192.0.2.7 ttl 60
  links 3 198.51.100.1 | 2 192.0.2.1
  ask a.test A = 198.51.100.7 ttl 60
`);

play('what is under way follows the servers', `
  links 2 192.0.2.1
  serve 198.51.100.1 a.test A = 198.51.100.7 ttl 60
  ask a.test A = later
  links 3 198.51.100.1
  pass 1ms
  told a.test A = 198.51.100.7 ttl 60
`);

play('without servers there is no waiting', `
  ask a.test A = servfail
  ask localhost A = 127.0.0.1 ttl 86400
  ask x.localhost AAAA = ::1 ttl 86400
  ask a.invalid A = nxdomain
`);

play('a domain is its own servers’ business', `
  links 2 192.0.2.1 / lan | 3 198.51.100.1 / corp.example
  serve 192.0.2.1 a.test A = 192.0.2.7 ttl 60
  serve 198.51.100.1 x.corp.example A = 10.0.0.7 ttl 60
  serve 192.0.2.1 notcorp.example A = 192.0.2.8 ttl 60
  ask a.test A = 192.0.2.7 ttl 60
  ask notcorp.example A = 192.0.2.8 ttl 60
  got 198.51.100.1 0
  ask x.corp.example A = 10.0.0.7 ttl 60
  got 192.0.2.1 0
`);

play('one label is looked for in the search domains', `
  links 2 192.0.2.1 / lan home.test
  serve 192.0.2.1 nas.lan A = nxdomain 60
  serve 192.0.2.1 nas.home.test A = 192.0.2.20 ttl 60
  serve 192.0.2.1 nas A = nxdomain 60
  ask nas A = 192.0.2.20 ttl 30
  got 192.0.2.1 3
  serve 192.0.2.1 gone.lan A = nxdomain 60
  serve 192.0.2.1 gone.home.test A = nxdomain 60
  serve 192.0.2.1 gone A = nxdomain 60
  ask gone A = nxdomain
`);

play('the hosts file comes first', `
  links 2 192.0.2.1
  serve 192.0.2.1 nas.test A = 192.0.2.7 ttl 60
  ask nas.test A = 192.0.2.7 ttl 60
  hosts 192.0.2.20 nas.test nas
  ask nas.test A = 192.0.2.20 ttl 60
  ask NAS A = 192.0.2.20 ttl 60
  ask nas.test AAAA = nodata
  got 192.0.2.1 1
`);

test('names of the Internet do not lead inside where that is stopped', withScope(async (context) => {
  await replay(`
    links 2 192.0.2.1 / home.test
    serve 192.0.2.1 evil.example A = 192.168.1.1 ttl 60
    serve 192.0.2.1 evil.example AAAA = ::ffff:10.0.0.1 ttl 60
    serve 192.0.2.1 zero.example A = 0.0.0.0 ttl 60
    serve 192.0.2.1 nas.home.test A = 192.168.1.9 ttl 60
    serve 192.0.2.1 good.example A = 198.51.100.1 ttl 60
    ask evil.example A = refused
    ask evil.example A = refused
    ask evil.example AAAA = refused
    ask zero.example A = refused
    ask nas.home.test A = 192.168.1.9 ttl 60
    ask good.example A = 198.51.100.1 ttl 60
    ask localhost A = 127.0.0.1 ttl 86400
  `, context, true);
}));

test('a request without an answer leaves no timer behind', withScope(async (context) => {
  const { proxy } = await replay('links 2 192.0.2.1\nask a.test A = later\npass 30s', context);
  assert.is(proxy.resolution.forwarder.pending, 0);
  assert.equal(context.clock.pending(), []);
}));

test.run();
