/** What `connmanctl dns` shows, on pipes, as JSON and on terminals of any width. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { dnsJson, formatDns, type DnsView } from '../../../src/client/commands/dns.ts';
import { formatDnsView } from '../../../src/client/terminal/dns-view.ts';
import { displayWidth } from '../../../src/client/text.ts';

const SERVERS = [
  { name: '10.77.0.1:53%eth0', isSilent: false, roundTripMs: 3.25, asked: 120n, answers: 118n, failures: 2n },
  {
    name: '[2001:db8::53]:853%wlan0#dns.example', isSilent: true, roundTripMs: -1, asked: 4n, answers: 0n, failures: 4n,
  },
];
const CACHE = { entries: 42, bytes: 12_345n, hits: 300n, misses: 100n, stale: 7n };
const VIEW: DnsView = { listening: ['127.0.0.1:53%lo', '[::1]:53%lo'], servers: SERVERS, cache: CACHE };
const NEW: DnsView = { listening: [], servers: [], cache: { entries: 0, bytes: 0n, hits: 0n, misses: 0n, stale: 0n } };

test('on a pipe: keys and values', () => {
  assert.is(formatDns(VIEW), `  Listening = [ 127.0.0.1:53%lo, [::1]:53%lo ]
  Cache = [ Entries=42, Bytes=12345, Hits=300, Misses=100, Stale=7, HitRate=0.750000 ]
10.77.0.1:53%eth0
  Silent = False
  RoundTrip = 3.250000
  Asked = 120
  Answers = 118
  Failures = 2
[2001:db8::53]:853%wlan0#dns.example
  Silent = True
  Asked = 4
  Answers = 0
  Failures = 4
`);
  assert.is(formatDns(NEW), '  Listening = [  ]\n  Cache = [ Entries=0, Bytes=0, Hits=0, Misses=0, Stale=0 ]\n');
});

test('as JSON', () => {
  assert.equal(dnsJson(VIEW), {
    Listening: ['127.0.0.1:53%lo', '[::1]:53%lo'],
    Cache: { Entries: 42, Bytes: 12_345, Hits: 300, Misses: 100, Stale: 7, HitRate: 0.75 },
    Servers: [
      { Name: '10.77.0.1:53%eth0', Silent: false, RoundTrip: 3.25, Asked: 120, Answers: 118, Failures: 2 },
      { Name: '[2001:db8::53]:853%wlan0#dns.example', Silent: true, Asked: 4, Answers: 0, Failures: 4 },
    ],
  });
});

test('on a terminal: columns, and no line longer than it is wide', () => {
  assert.is(formatDnsView(VIEW, { hasColours: false, columns: 80 }), `● answering on 127.0.0.1:53%lo, [::1]:53%lo
  cache 42 answers, 12.3 kB, 75 % of 400 known at once, 7 given past their time

  server                                asked  answered  failed   takes
● 10.77.0.1:53%eth0                       120       118       2  3.3 ms
○ [2001:db8::53]:853%wlan0#dns.example      4         0       4  silent
`);
  for (const columns of [40, 60, 80, 200]) {
    for (const view of [VIEW, NEW]) {
      const lines = formatDnsView(view, { hasColours: false, columns }).split('\n');
      for (const line of lines) assert.ok(displayWidth(line) <= columns, `${columns}: ${line}`);
    }
  }
  assert.match(formatDnsView(VIEW, { hasColours: true, columns: 80 }), '\x1b[31m○\x1b[0m');
});

test.run();
