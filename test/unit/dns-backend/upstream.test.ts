/**
 * One server over UDP, against those who answer in its place or are careless: wrong ids, wrong
 * questions, wrong case, floods, no EDNS. What looks forged is asked again over TCP, which here
 * always fails, so that an answer taken from a forger would show.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Attempt, Upstream, type Outcome } from '../../../src/dns-backend/proxy/upstream.ts';
import { encodeMessage, type DnsMessage } from '../../../src/dns/message.ts';
import { parseIpAddress } from '../../../src/shared/ipaddress.ts';
import { systemRandom } from '../../../src/shared/random.ts';
import { FakeServers, recordOf, replyTo, type Received } from '../dns/fake-servers.ts';
import { withScope, type TestContext } from '../../helpers/with-scope.ts';

const ADDRESS = parseIpAddress('192.0.2.1');
const QUESTION = '\x08longname\x07example\x04test\0\0\x01\0\x01';

interface Scene extends TestContext {
  readonly servers: FakeServers;
  readonly upstream: Upstream;
  /** Asks; the outcome's kind once there is one. */
  ask(): Promise<Outcome['kind'] | undefined>;
}

function scene(title: string, body: (scene: Scene) => Promise<void>): void {
  test(title, withScope(async (context) => {
    const servers = new FakeServers();
    if (ADDRESS === undefined) throw new Error('no address');
    const env = { system: servers.system, clock: context.clock, random: systemRandom };
    const upstream = new Upstream({ address: ADDRESS, port: 53 }, env, context.scope);
    context.watch('sockets', () => servers.openSockets);
    const ask = async (): Promise<Outcome['kind'] | undefined> => {
      let kind: Outcome['kind'] | undefined;
      const asker = { ended: (_attempt: Attempt, outcome: Outcome): void => void (kind = outcome.kind) };
      upstream.ask({ question: QUESTION, flavour: 0 }, asker, context.clock.now());
      await context.clock.advance(1);
      return kind;
    };
    await body({ ...context, servers, upstream, ask });
  }));
}

function good({ query }: Received): Partial<DnsMessage> {
  const name = query.questions[0]?.name ?? '';
  return { answers: [recordOf(name, 1, { kind: 'address', address: parseIpAddress('192.0.2.7') ?? fail() })] };
}

function fail(): never {
  throw new Error('no address');
}

function renamed({ query }: Received, rename: (name: string) => string): DnsMessage['questions'] {
  return query.questions.map((question) => ({ ...question, name: rename(question.name) }));
}

scene('an honest server is believed', async ({ servers, upstream, ask }) => {
  servers.onQuery = (received) => received.answer(good(received));
  assert.is(await ask(), 'answer');
  assert.is(upstream.health.answers, 1);
});

scene('case, ids and sockets differ from question to question', async ({ servers, ask }) => {
  servers.onQuery = (received) => received.answer(good(received));
  for (let count = 0; count < 64; count++) await ask();
  const { received } = servers;
  assert.ok(new Set(received.map(({ query }) => query.id)).size > 60);
  assert.ok(new Set(received.map(({ query }) => query.questions[0]?.name)).size > 60);
  assert.ok(servers.openSockets > 3 && servers.openSockets <= 8, `${servers.openSockets} sockets`);
  assert.ok(received.every(({ query }) => query.edns?.udpPayloadBytes === 1232 && query.isRecursionDesired));
});

scene('a wrong id, another question, and a query are not heard', async ({ servers, ask }) => {
  servers.onQuery = (received) => {
    const forged = good(received);
    received.answer({ ...forged, id: received.query.id ^ 1 });
    received.answer({ ...forged, questions: renamed(received, () => 'other.example.test') });
    received.answer({ ...forged, isResponse: false });
    received.answer({ ...forged, opcode: 2 });
    received.answer({ ...forged, questions: [] });
    received.answer({ ...forged, questions: received.query.questions.map((each) => ({ ...each, type: 28 })) });
    received.answerBytes(new Uint8Array(3));
  };
  assert.is(await ask(), undefined);
});

scene('letters in another case send the question to TCP', async ({ servers, ask }) => {
  servers.onQuery = (received) => {
    received.answer({ ...good(received), questions: renamed(received, (name) => name.toLowerCase()) });
  };
  // Its name has 19 letters: that all happen to be lower is not worth a thought.
  assert.is(await ask(), 'unreachable');
});

scene('a flood of guesses ends in TCP as well, also with the right one in it', async ({ servers, ask }) => {
  servers.onQuery = (received) => {
    for (let guess = 1; guess <= 40; guess++) {
      received.answer({ ...good(received), id: (received.query.id + guess) & 0xffff });
    }
    received.answer(good(received));
  };
  assert.is(await ask(), 'unreachable');
});

scene('a truncated reply is asked for over TCP', async ({ servers, ask }) => {
  servers.onQuery = (received) => received.answer({ ...good(received), isTruncated: true });
  assert.is(await ask(), 'unreachable');
});

// CVE-2025-32743: TC and no question.
scene('a truncated reply without a question is nothing', async ({ servers, ask }) => {
  servers.onQuery = (received) => received.answer({ questions: [], isTruncated: true });
  assert.is(await ask(), undefined);
});

scene('a server without EDNS is asked without', async ({ servers, ask }) => {
  servers.onQuery = (received) => received.answer(received.query.edns === undefined ? good(received) : { rcode: 1 });
  assert.is(await ask(), 'answer');
  assert.is(await ask(), 'answer');
  assert.equal(servers.received.map(({ query }) => query.edns !== undefined), [true, false, false]);
});

scene('what ICMP brings is known at once', async ({ servers, upstream, ask, clock }) => {
  servers.onQuery = (received) => received.unreachable();
  assert.is(await ask(), 'unreachable');
  assert.ok(upstream.health.isPaused(clock.now()));
});

scene('a reply that cannot be read is no answer', async ({ servers, ask }) => {
  servers.onQuery = (received) => {
    const bytes = encodeMessage(replyTo(received.query, good(received)));
    received.answerBytes(bytes.subarray(0, bytes.length - 12));
  };
  assert.is(await ask(), 'broken');
});

scene('idle sockets are closed', async ({ servers, ask, clock }) => {
  servers.onQuery = (received) => received.answer(good(received));
  await ask();
  assert.is(servers.openSockets, 1);
  await clock.advance(25_000);
  assert.is(servers.openSockets, 0);
  assert.equal(clock.pending(), []);
});

test.run();
