/** The stub resolver against servers in memory, in virtual time. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ConnmanError } from '../../../src/shared/errors.ts';
import { parseIpAddress, type IpAddress } from '../../../src/shared/ipaddress.ts';
import { RCODE, type DnsMessage } from '../../../src/dns/message.ts';
import { RECORD_TYPE, type DnsRecord } from '../../../src/dns/records.ts';
import { ResolveError, resolveName, type NameQuery } from '../../../src/dns/stub-resolver.ts';
import type { FakeClock } from '../../helpers/fake-clock.ts';
import { withScope } from '../../helpers/with-scope.ts';
import { FakeServers, recordOf, type Received } from './fake-servers.ts';

const ONE = '192.0.2.53';
const TWO = '192.0.2.54';

function ip(text: string): IpAddress {
  const address = parseIpAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

function addressRecord(name: string, text: string): DnsRecord {
  const address = ip(text);
  return recordOf(name, address.family === 4 ? RECORD_TYPE.A : RECORD_TYPE.AAAA, { kind: 'address', address });
}

function alias(name: string, target: string): DnsRecord {
  return recordOf(name, RECORD_TYPE.CNAME, { kind: 'name', target });
}

interface Setting {
  readonly servers: FakeServers;
  readonly clock: FakeClock;
  readonly controller: AbortController;
  ask(name: string, query?: Partial<NameQuery>): Promise<string>;
}

/** A test in which `ask` tells addresses, or why there are none, as text. */
function resolving(title: string, body: (setting: Setting) => Promise<void>): void {
  test(title, withScope(async ({ clock, watch }) => {
    const servers = new FakeServers();
    const controller = new AbortController();
    let last = 0x1234_0000;
    const random = { u32: () => (last += 0x0001_0000), fraction: () => 0 };
    watch('sockets', () => servers.openSockets);
    const ask = async (name: string, query: Partial<NameQuery> = {}): Promise<string> => {
      const asked: NameQuery = { servers: [ip(ONE), ip(TWO)], device: 'eth0', families: [4], ...query };
      try {
        const found = await resolveName(name, asked, { system: servers.system, clock, random }, controller.signal);
        return found.join(' ');
      } catch (error) {
        if (error instanceof ResolveError) return error.failure;
        throw error;
      }
    };
    await body({ servers, clock, controller, ask });
  }));
}

function saying(reply: Partial<DnsMessage>): (received: Received) => void {
  return (received) => received.answer(reply);
}

resolving('a numeric address needs no server', async ({ servers, ask }) => {
  assert.is(await ask('192.0.2.7', { servers: [] }), '192.0.2.7');
  assert.is(await ask('2001:db8::7', { servers: [], families: [6] }), '2001:db8::7');
  assert.is(await ask('2001:db8::7'), 'noAddress');
  assert.is(servers.received.length, 0);
});

resolving('all servers are asked at once through the link, the first answer wins', async ({ servers, clock, ask }) => {
  const asked = ask('a.example');
  await clock.advance(0);
  assert.equal(servers.received.map(({ server }) => server), [ONE, TWO]);
  assert.equal(servers.received.map(({ options }) => options.device), ['eth0', 'eth0']);
  const [first, second] = servers.received;
  assert.is.not(first?.query.id, second?.query.id);
  assert.equal(first?.query.questions, [{ name: 'a.example', type: 1, class: 1 }]);
  assert.ok(first?.query.isRecursionDesired);
  second?.answer({ answers: [addressRecord('a.example', '192.0.2.1'), addressRecord('a.example', '192.0.2.2')] });
  assert.is(await asked, '192.0.2.1 192.0.2.2');
  assert.is(servers.openSockets, 0);
});

resolving('a lost question is asked again after 0.4 s, then after twice the time', async ({ servers, clock, ask }) => {
  const start = clock.now();
  const times: number[] = [];
  servers.onQuery = ({ server }) => void (server === ONE && times.push(clock.now() - start));
  const asked = ask('a.example');
  await clock.advance(5000);
  assert.is(await asked, 'timeout');
  assert.equal(times, [0, 400, 1200, 2800]);
  assert.is(clock.now() - start, 5000);
});

resolving('what was not asked for is not believed', async ({ servers, clock, ask }) => {
  const good = [addressRecord('a.example', '192.0.2.1')];
  servers.onQuery = (received) => {
    const { id } = received.query;
    received.answer({ id: id ^ 1, answers: good });
    received.answer({ isResponse: false, answers: good });
    received.answer({ opcode: 2, answers: good });
    received.answer({ questions: [{ name: 'b.example', type: 1, class: 1 }], answers: good });
    received.answer({ questions: [{ name: 'a.example', type: 28, class: 1 }], answers: good });
    received.answer({ questions: [], answers: good });
    received.answerBytes(new Uint8Array());
    received.answerBytes(new Uint8Array(11));
    received.answerBytes(Uint8Array.of(id >> 8, id & 255, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0));
  };
  const asked = ask('a.example');
  await clock.advance(5000);
  assert.is(await asked, 'timeout');
});

resolving('an answer in other letters is the same name', async ({ servers, ask }) => {
  servers.onQuery = saying({
    questions: [{ name: 'A.eXample', type: 1, class: 1 }], answers: [addressRecord('a.EXAMPLE', '192.0.2.1')],
  });
  assert.is(await ask('a.example'), '192.0.2.1');
});

resolving('aliases are followed inside the answer, records beside the chain are not', async ({ servers, ask }) => {
  servers.onQuery = saying({
    answers: [
      addressRecord('evil.example', '203.0.113.1'),
      alias('b.example', 'c.example'),
      alias('a.example', 'B.example'),
      addressRecord('c.example', '192.0.2.3'),
    ],
  });
  assert.is(await ask('a.example'), '192.0.2.3');
});

resolving('a loop of aliases has no address', async ({ servers, clock, ask }) => {
  servers.onQuery = saying({ answers: [alias('a.example', 'b.example'), alias('b.example', 'a.example')] });
  const asked = ask('a.example');
  await clock.advance(250);
  assert.is(await asked, 'noAddress');
});

resolving('an answer with thousands of addresses gives sixteen', async ({ servers, ask }) => {
  const texts = Array.from({ length: 2000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`);
  const answers = texts.map((text) => addressRecord('a.example', text));
  servers.onQuery = saying({ answers });
  assert.is((await ask('a.example')).split(' ').length, 16);
});

resolving('a negative answer waits a moment for another server to know better', async ({ servers, clock, ask }) => {
  servers.onQuery = (received) => {
    if (received.server === ONE) received.answer({ rcode: RCODE.NXDOMAIN });
  };
  const start = clock.now();
  const asked = ask('a.example');
  await clock.advance(200);
  servers.received[1]?.answer({ answers: [addressRecord('a.example', '192.0.2.1')] });
  assert.is(await asked, '192.0.2.1');

  const alone = ask('b.example');
  await clock.advance(250);
  assert.is(await alone, 'noSuchName');
  assert.is(clock.now() - start, 450);
});

resolving('with all servers heard a negative answer is told at once', async ({ servers, ask }) => {
  servers.onQuery = (received) => received.answer({ rcode: received.server === ONE ? RCODE.NXDOMAIN : RCODE.NOERROR });
  assert.is(await ask('a.example'), 'noAddress');
});

resolving('a server that answers with an error leaves it to the others', async ({ servers, clock, ask }) => {
  servers.onQuery = (received) => {
    if (received.server === ONE) received.answer({ rcode: RCODE.SERVFAIL });
  };
  const asked = ask('a.example');
  await clock.advance(3000);
  servers.received.at(-1)?.answer({ answers: [addressRecord('a.example', '192.0.2.1')] });
  assert.is(await asked, '192.0.2.1');

  servers.onQuery = saying({ rcode: RCODE.REFUSED, questions: [] });
  assert.is(await ask('a.example'), 'refused');
});

resolving('servers that cannot be reached fail at once', async ({ servers, ask }) => {
  servers.onQuery = (received) => received.unreachable();
  assert.is(await ask('a.example'), 'unreachable');
  servers.withoutRoute.add(ONE).add(TWO);
  assert.is(await ask('a.example'), 'unreachable');
  assert.is(servers.received.length, 2);
});

resolving('one server without a route does not matter', async ({ servers, ask }) => {
  servers.withoutRoute.add(ONE);
  servers.onQuery = saying({ answers: [addressRecord('a.example', '192.0.2.1')] });
  assert.is(await ask('a.example'), '192.0.2.1');
});

resolving('both families are asked at once and told in the order wanted', async ({ servers, ask }) => {
  servers.onQuery = (received) => {
    const isIpv4 = received.query.questions[0]?.type === RECORD_TYPE.A;
    received.answer({ answers: [addressRecord('a.example', isIpv4 ? '192.0.2.1' : '2001:db8::1')] });
  };
  assert.is(await ask('a.example', { families: [6, 4] }), '2001:db8::1 192.0.2.1');
});

resolving('a server that never answers for one family costs a quarter of a second', async ({ servers, clock, ask }) => {
  servers.onQuery = (received) => {
    if (received.query.questions[0]?.type !== RECORD_TYPE.A) return;
    received.answer({ answers: [addressRecord('a.example', '192.0.2.1')] });
  };
  const start = clock.now();
  const asked = ask('a.example', { families: [6, 4] });
  await clock.advance(250);
  assert.is(await asked, '192.0.2.1');
  assert.is(clock.now() - start, 250);
});

resolving('a truncated answer that TCP does not complete is an error', async ({ servers, ask }) => {
  servers.onQuery = saying({ isTruncated: true, answers: [addressRecord('a.example', '192.0.2.1')] });
  assert.is(await ask('a.example'), 'refused');
});

resolving('truncated with no question (CVE-2025-32743) is dropped', async ({ servers, clock, ask }) => {
  servers.onQuery = saying({ isTruncated: true, questions: [] });
  const asked = ask('a.example');
  await clock.advance(5000);
  assert.is(await asked, 'timeout');
});

resolving('what is no name, and nobody to ask', async ({ servers, ask }) => {
  const names = ['', '.', 'a..b', `${'x'.repeat(64)}.example`, 'a b\n'];
  for (const name of names) assert.is(await ask(name), 'invalidName');
  assert.is(await ask('a.example', { servers: [] }), 'noServers');
  assert.is(servers.received.length, 0);
});

resolving('hundreds of servers are not all asked', async ({ servers, clock, ask, controller }) => {
  const many = Array.from({ length: 255 }, (_, index) => ip(`10.0.0.${index}`));
  const asked = ask('a.example', { servers: many }).catch((error: unknown) => error);
  await clock.advance(0);
  assert.is(servers.received.length, 8);
  controller.abort(new ConnmanError('OperationAborted'));
  await asked;
});

resolving('an abort ends it with its reason and leaves nothing', async ({ servers, clock, controller, ask }) => {
  const reason = new ConnmanError('OperationAborted');
  const asked = ask('a.example').catch((error: unknown) => error);
  await clock.advance(100);
  controller.abort(reason);
  assert.is(await asked, reason);
  assert.is(servers.openSockets, 0);
  assert.is(await ask('a.example').catch((error: unknown) => error), reason);
});

test.run();
