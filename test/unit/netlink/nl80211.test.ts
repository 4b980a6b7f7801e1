/** The family nl80211 against what the kernel says of a simulated radio. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeGenl, type Genl, type GenlRequest } from '../../../src/netlink/genl/genl.ts';
import {
  addRadioInterface, listStations, NL80211_FAMILY, readFrequency, readWiphy, removeRadioInterface, requestCountry,
  watchStations,
} from '../../../src/netlink/genl/nl80211.ts';
import { Writer } from '../../../src/netlink/writer.ts';
import { createScope } from '../../../src/shared/scope.ts';
import { assertHardened, decodeAll, readCaptures } from './captures.ts';

const capture = readCaptures('nl80211');
const shape = NL80211_FAMILY.attributes;
const ADDRESS = Uint8Array.of(2, 0, 0, 0, 2, 0);

interface FakeGenl {
  readonly genl: Genl;
  readonly asked: GenlRequest<typeof shape>[];
  /** Tells the observer. */
  tell(event: Uint8Array): void;
  lose(): void;
}

/** What is asked of the kernel, and its answers. */
function fakeGenl(answers: readonly Uint8Array[] = []): FakeGenl {
  const fake: FakeGenl = {
    asked: [],
    tell: () => undefined,
    lose: () => undefined,
    genl: {
      family: () => Promise.reject(new Error('not asked for')),
      observe: async ({ attributes }, _group, _scope, observer) => {
        fake.lose = () => observer.onLoss();
        fake.tell = (event) => {
          for (const each of decodeAll([event], (message) => decodeGenl(attributes, message))) observer.onMessage(each);
        };
      },
      request: async (description, request) => {
        fake.asked.push(request);
        return decodeAll([...answers], (each) => decodeGenl(description.attributes, each));
      },
    },
  };
  return fake;
}

/** A message of the family: struct nlmsghdr, genlmsghdr, NL80211_ATTR_IFINDEX, NL80211_ATTR_MAC. */
function event(command: number, ifindex: number, address: Uint8Array): Uint8Array {
  const writer = new Writer();
  const words = [40, 32, 0, 0, command, 0x0003_0008, ifindex, 0x0006_0000 | (4 + address.length)];
  for (const word of words) writer.u32(word);
  writer.bytes(address);
  writer.zeros(8 - address.length);
  return writer.finish();
}

test('a radio: what it can be, and where it may begin to send', async () => {
  const { genl, asked } = fakeGenl(capture('iw phy phy1 info').received);
  assert.equal(await readWiphy(genl, 3), {
    index: 1, canBeAccessPoint: true, channelsBeside: 1,
    frequencies: [
      { mhz: 2412, isFree: true }, { mhz: 2484, isFree: false }, { mhz: 5180, isFree: false },
      { mhz: 5260, isFree: false },
    ],
  });
  assert.equal(asked, [{ command: 1, isDump: true, attributes: { ifindex: 3, splitDump: true } }]);
});

test('a radio of which nothing is said can nothing', async () => {
  assert.equal(await readWiphy(fakeGenl().genl, 3), {
    index: 0, canBeAccessPoint: false, channelsBeside: 0, frequencies: [],
  });
});

test('an interface that is nowhere has no frequency', async () => {
  assert.is(await readFrequency(fakeGenl(capture('iw dev wlan1 info').received).genl, 3), undefined);
});

test('interfaces are made and removed, a country asked for', async () => {
  const { genl, asked } = fakeGenl();
  await addRadioInterface(genl, 1, 'tether3', 'station');
  await removeRadioInterface(genl, 5);
  await requestCountry(genl, 'DE');
  assert.equal(asked, [
    { command: 7, attributes: { wiphy: 1, interfaceName: 'tether3', interfaceType: 2 } },
    { command: 8, attributes: { ifindex: 5 } },
    { command: 27, attributes: { country: 'DE' } },
  ]);
});

test('stations that come and go, of one interface', async () => {
  const fake = fakeGenl();
  const seen: string[] = [];
  const onChange = (address: Uint8Array, isThere: boolean): void => void seen.push(`${address.length} ${isThere}`);
  await watchStations(fake.genl, 3, createScope(), { onChange, onLoss: () => seen.push('loss') });
  const tell = (command: number, ifindex: number, address = ADDRESS): void =>
    fake.tell(event(command, ifindex, address));
  tell(19, 3);
  tell(19, 4);
  tell(20, 3);
  tell(34, 3);
  tell(19, 3, ADDRESS.slice(1));
  fake.lose();
  assert.equal(seen, ['6 true', '6 false', 'loss']);
  assert.equal(await listStations(fake.genl, 3), []);
});

test('stands truncation, flipped bits and noise', () => {
  for (const each of capture('iw phy phy1 info').received) {
    assertHardened((message) => decodeGenl(shape, message), each);
  }
});

test.run();
