/** The NTP client among servers good and bad, on a clock in the test's hand. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createScope, type Scope } from '../../../src/shared/scope.ts';
import type { FakeClock } from '../../helpers/fake-clock.ts';
import { withScope } from '../../helpers/with-scope.ts';
import { World, type FakeServer } from './fake-servers.ts';

const [A, B, C, D, E] = ['192.0.2.1', '192.0.2.2', '2001:db8::3', '192.0.2.4', '192.0.2.5'] as const;
const HOUR = 3_600_000;

interface Setting {
  readonly world: World;
  readonly clock: FakeClock;
  readonly scope: Scope;
}

/** A world with these servers, whose sockets must be closed in the end. */
function among(
  servers: Readonly<Record<string, FakeServer>>, body: (setting: Setting) => Promise<void>, errorMs = 5000,
): () => Promise<void> {
  return withScope(async ({ clock, scope, watch }) => {
    const world = new World(clock, errorMs);
    for (const [address, server] of Object.entries(servers)) world.servers.set(address, server);
    watch('sockets', () => world.openSockets);
    await body({ world, clock, scope });
  });
}

const adjustments = ({ events }: World) => events.flatMap((event) => (event.kind === 'adjust' ? [event] : []));

test('one server: stepped at the first answer, then kept', among({ [A]: {} }, async ({ world, clock, scope }) => {
  world.client(scope).start({ servers: [A], network: 'n' });
  await clock.advance(11);
  const [first] = adjustments(world);
  assert.is(first?.how, 'step');
  assert.ok(Math.abs(world.errorMs) < 1, `off by ${world.errorMs} ms`);
  await clock.advance(10_000);
  assert.is(world.count(A), 4, 'four requests at the start');
  assert.ok(adjustments(world).slice(1).every(({ how }) => how === 'slew'));
  assert.is(world.openSockets, 0);
}));

test('a small error is slewed, and the kernel learns only from steady corrections',
  among({ [A]: {} }, async ({ world, clock, scope }) => {
    world.client(scope).start({ servers: [A], network: 'n' });
    await clock.advance(3 * HOUR);
    const all = adjustments(world);
    assert.is(all[0]?.how, 'slew');
    assert.equal(all.slice(0, 4).map(({ timeConstant }) => timeConstant), [undefined, undefined, undefined, undefined]);
    assert.is(all.at(-1)?.timeConstant !== undefined, true);
    assert.ok(Math.abs(world.errorMs) < 3, `off by ${world.errorMs} ms`);
  }, 300));

test('requests tell nothing: all else is zero, and no number comes twice',
  among({ [A]: {} }, async ({ world, clock, scope }) => {
    world.client(scope).start({ servers: [A], network: 'n' });
    await clock.advance(HOUR);
    const nonces = new Set(world.seen.map(({ bytes }) => Buffer.from(bytes.subarray(40)).toString('hex')));
    assert.is(nonces.size, world.seen.length);
    for (const { bytes } of world.seen) {
      assert.is(bytes.length, 48);
      assert.is(bytes[0], 0x23);
      assert.ok(bytes.subarray(4, 40).every((byte) => byte === 0));
    }
  }));

test('a falseticker is thrown out, wherever it stands in the list',
  among({ [A]: { offsetMs: 90_000 }, [B]: {}, [C]: { offsetMs: 2 }, [D]: { offsetMs: -3 } },
    async ({ world, clock, scope }) => {
      world.client(scope).start({ servers: [A, B, C, D], network: 'n' });
      await clock.advance(HOUR);
      assert.ok(Math.abs(world.errorMs) < 5, `off by ${world.errorMs} ms`);
      assert.ok(adjustments(world).every(({ address }) => String(address) !== A));
    }));

test('the best of those who agree is followed: the nearest to the source',
  among({ [A]: { delaysMs: [150, 150] }, [B]: { delaysMs: [2, 2] }, [D]: { delaysMs: [60, 60] } },
    async ({ world, clock, scope }) => {
      world.client(scope).start({ servers: [A, B, D], network: 'n' });
      await clock.advance(HOUR);
      assert.is(String(adjustments(world).at(-1)?.address), B);
    }));

test('without a majority the clock is left alone; of two the first in the list counts', async () => {
  await among({ [A]: { offsetMs: 9000 }, [B]: { offsetMs: -9000 }, [C]: { offsetMs: 99_000 } },
    async ({ world, clock, scope }) => {
      world.client(scope).start({ servers: [A, B, C], network: 'n' });
      await clock.advance(HOUR);
      assert.equal(adjustments(world), []);
      assert.ok(world.events.some(({ kind }) => kind === 'disagreement'));
    })();
  await among({ [A]: { offsetMs: 9000 }, [B]: { offsetMs: -9000 } }, async ({ world, clock, scope }) => {
    world.client(scope).start({ servers: [B, A], network: 'n' });
    await clock.advance(60_000);
    assert.is(Math.round(world.errorMs), 9000);
  })();
});

test('DENY and RSTR: never asked again, whatever happens to the link', async () => {
  for (const kiss of ['DENY', 'RSTR']) {
    await among({ [A]: { kiss }, [B]: {} }, async ({ world, clock, scope }) => {
      const client = world.client(scope);
      client.start({ servers: [A, B], network: 'n' });
      await clock.advance(6 * HOUR);
      for (let flap = 0; flap < 20; flap++) {
        client.stop();
        await clock.advance(5000);
        client.start({ servers: [A, B], network: 'n' });
        await clock.advance(60_000);
      }
      assert.is(world.count(A), 1);
      assert.ok(adjustments(world).length > 10);
      client.start({ servers: [A, B], network: 'another' });
      await clock.advance(60_000);
      assert.is(world.count(A), 2, 'elsewhere it may be asked once');
    })();
  }
});

test('RATE: the interval doubles, or is what the server says if that is more', async () => {
  await among({ [A]: { kiss: 'RATE', poll: 3 } }, async ({ world, clock, scope }) => {
    world.client(scope).start({ servers: [A], network: 'n' });
    await clock.advance(2 * HOUR);
    const times = world.seen.map(({ atMs }) => atMs);
    const gaps = times.slice(1).map((at, index) => Math.round((at - (times[index] ?? 0)) / 1000));
    assert.equal(gaps, [128, 256, 512, 1024, 2048]);
  })();
  await among({ [A]: { kiss: 'RATE', poll: 12 } }, async ({ world, clock, scope }) => {
    const client = world.client(scope);
    client.start({ servers: [A], network: 'n' });
    await clock.advance(1000);
    client.start({ servers: [A], network: 'n' }); // the link comes back: the promise holds
    client.wake();
    await clock.advance(4_090_000);
    assert.is(world.count(A), 1);
    await clock.advance(10_000);
    assert.is(world.count(A), 2);
  })();
});

test('a kiss that nobody asked for, or with another number, is none (CVE-2015-7704, CVE-2015-7705)',
  among({
    [A]: {
      forge: (reply, request) => {
        const kiss = (origin: Uint8Array): Uint8Array => {
          const bytes = Uint8Array.from(reply);
          bytes.set([0xe4, 0, 17], 0);
          bytes.set(Buffer.from('DENY'), 12);
          bytes.set(origin, 24);
          return bytes;
        };
        // Zero origin, off by one, then the true reply and a kiss after it (CVE-2015-8138: a second answer).
        const near = Uint8Array.from(request.subarray(40), (byte, index) => (index === 7 ? byte ^ 1 : byte));
        return [kiss(new Uint8Array(8)), kiss(near), reply, kiss(request.subarray(40))];
      },
    },
  }, async ({ world, clock, scope }) => {
    world.client(scope).start({ servers: [A], network: 'n' });
    await clock.advance(HOUR);
    assert.ok(Math.abs(world.errorMs) < 1);
    assert.ok(world.count(A) > 10);
    assert.equal(world.events.filter(({ kind }) => kind === 'kiss'), []);
  }));

/** Replies that must change nothing, each a way to write on a good one. */
const BAD: Readonly<Record<string, (reply: Uint8Array) => void>> = {
  'leap 3: not synchronised': (reply) => void (reply[0] = 0xe4),
  'stratum 16': (reply) => void (reply[1] = 16),
  'stratum 255': (reply) => void (reply[1] = 255),
  'a client\'s message': (reply) => void (reply[0] = 0x23),
  'a broadcast': (reply) => void (reply[0] = 0x25),
  'a control message (mode 6)': (reply) => void (reply[0] = 0x26),
  'version 1': (reply) => void (reply[0] = 0x0c),
  'another number': (reply) => void (reply[24] = (reply[24] ?? 0) ^ 0x80),
  'no number': (reply) => void reply.fill(0, 24, 32),
  'no time of sending': (reply) => void reply.fill(0, 40, 48),
  'no time of receipt': (reply) => void reply.fill(0, 32, 40),
  'sent before it was received': (reply) => reply.copyWithin(32, 40, 48) && void (reply[36] = 0xff),
  'held for longer than we waited': (reply) => void (reply[43] = (reply[43] ?? 0) ^ 0x40),
  'a root that is seconds away': (reply) => reply.set([0, 9], 4),
  'a root that is off by days': (reply) => reply.set([0xff, 0xff, 0xff, 0xff], 8),
  'a kiss without a meaning': (reply) => reply.set([0xe4, 0], 0),
};

for (const [what, spoil] of Object.entries(BAD)) {
  test(`refused: ${what}`, among({
    [A]: {
      forge: (reply) => {
        spoil(reply);
        return [reply];
      },
    },
  }, async ({ world, clock, scope }) => {
    world.client(scope).start({ servers: [A], network: 'n' });
    await clock.advance(HOUR);
    assert.is(world.errorMs, 5000);
    assert.equal(adjustments(world), []);
    assert.ok(world.count(A) < 16, `${world.count(A)} requests: it is asked ever more rarely`);
  }));
}

test('what is too short, empty or random noise is dropped',
  among({
    [A]: {
      forge: (reply) => [
        new Uint8Array(0), reply.subarray(0, 47), ...Array.from({ length: 200 }, (_, seed) => noise(seed)), reply,
      ],
    },
  }, async ({ world, clock, scope }) => {
    world.client(scope).start({ servers: [A], network: 'n' });
    await clock.advance(60_000);
    assert.ok(Math.abs(world.errorMs) < 1);
  }));

function noise(seed: number): Uint8Array {
  const bytes = new Uint8Array(seed % 90);
  for (let at = 0; at < bytes.length; at++) bytes[at] = Math.imul(seed + 1, at * 2_654_435_761) >>> 13;
  return bytes;
}

test('a server that is silent is asked after 2, 4, 8 s, in the end every 17 minutes',
  among({ [A]: { isSilent: true } }, async ({ world, clock, scope }) => {
    world.client(scope).start({ servers: [A], network: 'n' });
    await clock.advance(12 * HOUR);
    const times = world.seen.map(({ atMs }) => atMs);
    const gaps = times.slice(1).map((at, index) => Math.round((at - (times[index] ?? 0)) / 1000));
    assert.equal(gaps.slice(0, 11), [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1024]);
    assert.ok(world.count(A) <= 52);
    assert.is(world.openSockets, 0, 'no socket waits for so long');
  }));

test('a link that flaps does not make a pest of us',
  among({ [A]: { isSilent: true } }, async ({ world, clock, scope }) => {
    const client = world.client(scope);
    for (let flap = 0; flap < 720; flap++) {
      client.start({ servers: [A], network: 'n' });
      await clock.advance(4000);
      client.stop();
      await clock.advance(1000);
    }
    assert.ok(world.count(A) < 15, `${world.count(A)} requests in an hour`);
  }));

test('after a good start a flap costs one request at most',
  among({ [A]: {} }, async ({ world, clock, scope }) => {
    const client = world.client(scope);
    client.start({ servers: [A], network: 'n' });
    await clock.advance(60_000);
    const sinceMs = clock.now();
    for (let flap = 0; flap < 60; flap++) {
      client.stop();
      await clock.advance(1000);
      client.start({ servers: [A], network: 'n' });
      await clock.advance(1000);
    }
    assert.ok(world.count(A, sinceMs) <= 15, `${world.count(A, sinceMs)} requests in two minutes of flapping`);
  }));

test('a server that went away is replaced by the next of the list, and asked again after two hours',
  among({ [A]: {}, [B]: {}, [C]: {}, [D]: {}, [E]: {} }, async ({ world, clock, scope }) => {
    world.client(scope).start({ servers: [A, B, C, D, E], network: 'n' });
    await clock.advance(60_000);
    assert.is(world.count(E), 0, 'four are enough');
    world.servers.set(A, { isSilent: true });
    await clock.advance(HOUR);
    assert.ok(world.count(E) > 0);
    world.servers.set(A, {});
    const sinceMs = clock.now();
    await clock.advance(HOUR);
    assert.is(world.count(A, sinceMs), 0);
    await clock.advance(2 * HOUR);
    assert.ok(world.count(A, sinceMs) > 0, 'the first of the list is preferred');
  }));

test('a pool: four of its addresses, looked up again when one fails',
  among({}, async ({ world, clock, scope }) => {
    world.names.set('pool.test', [A, B, C, D]);
    for (const address of [A, B, C, D, E]) world.servers.set(address, {});
    world.client(scope).start({ servers: ['pool.test'], network: 'n' });
    await clock.advance(60_000);
    assert.equal([A, B, C, D].map((address) => world.count(address) > 3), [true, true, true, true]);
    assert.equal(world.lookups, ['pool.test']);
    world.names.set('pool.test', [E]);
    world.servers.set(B, { kiss: 'RSTR' });
    await clock.advance(HOUR);
    assert.equal(world.lookups, ['pool.test', 'pool.test']);
    assert.ok(world.count(E) > 3);
  }));

test('names that cannot be looked up are tried again later and later',
  among({ [A]: {} }, async ({ world, clock, scope }) => {
    world.client(scope).start({ servers: ['nowhere.test'], network: 'n' });
    await clock.advance(HOUR);
    assert.ok(world.lookups.length > 8 && world.lookups.length < 15, `${world.lookups.length} lookups`);
    world.names.set('nowhere.test', [A]);
    await clock.advance(HOUR);
    assert.ok(Math.abs(world.errorMs) < 1);
  }));

test('a kept clock does not step for one wild answer, but does when all confirm it',
  among({ [A]: {} }, async ({ world, clock, scope }) => {
    const client = world.client(scope);
    client.start({ servers: [A], network: 'n' });
    await clock.advance(HOUR);
    const before = adjustments(world).length;
    let isWild = true;
    world.servers.set(A, {
      forge(reply) {
        if (isWild) reply[35] = (reply[35] ?? 0) ^ 0x70;
        if (isWild) reply[43] = (reply[43] ?? 0) ^ 0x70;
        isWild = false;
        return [reply];
      },
    });
    await clock.advance(HOUR);
    assert.ok(adjustments(world).slice(before).every(({ how }) => how === 'slew'));
    assert.ok(Math.abs(world.errorMs) < 1);
    world.setClock(-7_200_000); // a user with date(1)
    await clock.advance(HOUR);
    assert.is(adjustments(world).filter(({ how }) => how === 'step').length, 2);
    assert.ok(Math.abs(world.errorMs) < 1);
  }));

test('after sleep the servers are asked at once',
  among({ [A]: {} }, async ({ world, clock, scope }) => {
    const client = world.client(scope);
    client.start({ servers: [A], network: 'n' });
    await clock.advance(10 * HOUR);
    await clock.suspend(500_000);
    world.setClock(-3000); // what a poor RTC makes of it
    const sinceMs = clock.now();
    client.wake();
    await clock.advance(10_000);
    assert.ok(world.count(A, sinceMs) >= 3);
    assert.ok(Math.abs(world.errorMs) < 5, `off by ${world.errorMs} ms`);
  }));

test('a leap second is announced on the last day of June and December alone, by a majority',
  among({ [A]: { leap: 1 }, [B]: { leap: 1 }, [C]: {} }, async ({ world, clock, scope }) => {
    world.client(scope).start({ servers: [A, B, C], network: 'n' });
    await clock.advance(24 * HOUR); // 2026-06-02
    assert.ok(adjustments(world).every(({ leap }) => leap === 'none'));
    await clock.advance(28.5 * 24 * HOUR); // 2026-06-30, past noon
    assert.is(adjustments(world).at(-1)?.leap, 'insert');
    world.servers.set(B, {});
    await clock.advance(2 * HOUR);
    assert.is(adjustments(world).at(-1)?.leap, 'none');
  }));

test('thirty days of a poor crystal: within milliseconds, politely, and nothing grows',
  among({
    [A]: { jitterMs: 4 }, [B]: { delaysMs: [20, 20], jitterMs: 10 }, [C]: { offsetMs: 900, jitterMs: 3 },
    [D]: { delaysMs: [40, 40], jitterMs: 30 },
  }, async ({ world, clock, scope }) => {
    const own = createScope();
    world.client(own).start({ servers: [A, B, C, D], network: 'n' });
    let worstMs = 0;
    for (let hour = 0; hour < 30 * 24; hour++) {
      // 40 ppm, and 3 more or less with the heat of the day.
      world.drift = 40e-6 + 3e-6 * Math.sin((hour / 24) * 2 * Math.PI);
      await clock.advance(HOUR);
      if (hour >= 12) worstMs = Math.max(worstMs, Math.abs(world.errorMs));
      assert.is.not(world.openSockets > 4, true);
      assert.ok(clock.pending().length <= 5, clock.pending().map(({ name }) => name).join());
      world.events.length = 0;
    }
    assert.ok(worstMs < 15, `at worst off by ${worstMs.toFixed(1)} ms`);
    const requests = world.seen.length / 4 / 30;
    assert.ok(requests < 24 * 24, `${requests} requests a day to each server`);
    console.log(`at worst ${worstMs.toFixed(2)} ms off; ${requests.toFixed(0)} requests a day to each server`);
    await own.close();
    void scope;
  }));

test.run();
