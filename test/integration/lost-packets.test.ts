/**
 * A wire that loses packets (nft(8) on the server's side): a first packet of each kind costs about a
 * second at most, a connection whose packets all vanish is replaced by another, three packets of ten
 * lost each way still end online, and a status page that stays silent is soon asked again.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SERVER_ADDRESS, withCell, type Cell } from '../helpers/cell.ts';
import { SERVICE_PATH, callConnman, isProperty, startDaemon } from '../helpers/wired.ts';

const PAGE = 8080;

const CELL = {
  peers: ['nftables'],
  files: {
    '/etc/connman/main.conf': `[General]\nOnlineCheckIPv4URL=http://status.test:${PAGE}/\n`,
  },
  dnsmasq: { names: { 'status.test': SERVER_ADDRESS } },
} as const;

// Behind 8 bytes of UDP and 240 of the message: option 53 with its length and value.
const dhcpMessage = (port: 'sport' | 'dport', type: number): string => `udp ${port} 67 @th,1984,24 0x35010${type}`;
const SYN = 'ip protocol tcp tcp flags & (syn | ack | rst) == ';

/** What the server receives and sends; a link that had an address asks for it at once. */
const FIRST_PACKETS: Readonly<Record<string, Loss>> = {
  'the REQUEST': { received: dhcpMessage('dport', 3) },
  'the ACK': { sent: dhcpMessage('sport', 5) },
  'the question for a neighbour': { received: 'arp operation request arp daddr ip 10.77.0.1' },
  'the DNS query': { received: 'udp dport 53' },
  'the DNS reply': { sent: 'udp sport 53' },
  'the SYN': { received: `tcp dport ${PAGE} ${SYN} syn` },
  'the SYN and ACK': { sent: `tcp sport ${PAGE} ${SYN} (syn | ack)` },
  'the request for the page': { received: `tcp dport ${PAGE} tcp flags & psh == psh` },
};

interface Loss {
  readonly received?: string;
  readonly sent?: string;
}

/** By how much two runs of the same may differ on a busy machine. */
const NOISE_MS = 1000;
const ONCE = 'numgen inc mod 1000000 0 counter drop';

test('on a wire that loses packets', () => withCell(CELL, async (cell) => {
  const page = await startPage(cell, 0);
  const daemon = await startDaemon(cell);
  cell.cable().plug();
  await cell.log.wait('online', isProperty('Manager', 'State', 'online'));

  const usual = Math.min(await reconnect(cell), await reconnect(cell));
  const costs = new Map<string, number>();
  for (const [what, { received, sent }] of Object.entries(FIRST_PACKETS)) {
    const once = (rule: string | undefined): string => (rule === undefined ? '' : `${rule} ${ONCE}`);
    await setLoss(cell, once(received), once(sent));
    costs.set(what, (await reconnect(cell)) - usual);
    assert.match(await cell.server.output(['nft', 'list', 'ruleset']), /counter packets [1-9]/, `${what} was lost`);
  }
  const list = Array.from(costs, ([what, cost]) => `${what} ${cost.toFixed(0)} ms`).join(', ');
  console.log(`${usual.toFixed(0)} ms usually; more where the first of a kind is lost: ${list}`);
  assert.ok(Math.max(...costs.values()) < 1000 + NOISE_MS, list);

  // All packets of the first connection vanish: by itself the kernel would go on trying it for two minutes.
  await setLoss(cell, `tcp dport ${PAGE} ${SYN} syn numgen inc mod 1000000 0 add @dead { tcp sport }
    tcp sport @dead counter drop`);
  console.log(`a connection that is dead: ${(await reconnect(cell)).toFixed(0)} ms`);
  assert.match(await cell.server.output(['nft', 'list', 'ruleset']), /counter packets [1-9]/, 'there was one');

  const pattern = (...lost: number[]): string =>
    `numgen inc mod 10 vmap { ${lost.map((at) => `${at} : drop`).join(', ')} }`;
  await setLoss(cell, pattern(0, 3, 4), pattern(1, 2, 7));
  const times: number[] = [];
  for (let round = 0; round < 3; round++) times.push(await reconnect(cell));
  console.log(`three of ten lost each way: ${times.map((time) => `${time.toFixed(0)} ms`).join(', ')}`);
  assert.ok(Math.max(...times) < 30_000);

  await setLoss(cell, '');
  await page.stop();
  await startPage(cell, 1);
  console.log(`a page that is silent the first time: ${(await reconnect(cell)).toFixed(0)} ms`);
  await daemon.stop();
}));

/** Disconnects and connects the service; how long until it is online. */
async function reconnect(cell: Cell): Promise<number> {
  const before = performance.now();
  await callConnman(cell, 'Service', 'Disconnect', SERVICE_PATH);
  await cell.log.wait('the address to go', (event) => event.kind === 'address' && !event.isAdded, { since: before });
  await cell.device.output(['ip', 'neighbour', 'flush', 'all']);
  const since = performance.now();
  await callConnman(cell, 'Service', 'Connect', SERVICE_PATH);
  const online = isProperty('Manager', 'State', 'online');
  return (await cell.log.wait('online', online, { since, timeoutMs: 30_000 })).at - since;
}

/** What the server loses from now on of what it receives and sends. */
async function setLoss(cell: Cell, received: string, sent = ''): Promise<void> {
  await cell.server.output(['nft', '-f', '-'], { input: `flush ruleset
table bridge loss {
  set dead { type inet_service; flags dynamic; size 100; }
  chain received { type filter hook input priority 0; ${received}; }
  chain sent { type filter hook output priority 0; ${sent}; }
}
` });
}

/** A status page that leaves the first `silent` requests without an answer. */
async function startPage(cell: Cell, silent: number) {
  const page = cell.server.spawn([process.execPath, '--eval', `
    let silent = ${silent};
    require('node:http').createServer((request, response) => {
      if (silent-- > 0) return;
      response.writeHead(200, { 'X-ConnMan-Status': 'online', 'Content-Length': 0, Connection: 'close' }).end();
    }).listen(${PAGE}, '${SERVER_ADDRESS}', () => console.log('listening'));`]);
  await page.waitForLine((line) => line === 'listening');
  return page;
}

test.run();
