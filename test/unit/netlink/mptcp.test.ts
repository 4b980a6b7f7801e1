/**
 * The family mptcp_pm against what ip-mptcp(8) says to the kernel and hears from it.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeGenl, type Genl, type GenlRequest } from '../../../src/netlink/genl/genl.ts';
import { addEndpoint, listEndpoints, MPTCP_FAMILY, removeEndpoint } from '../../../src/netlink/genl/mptcp.ts';
import type { Decoded } from '../../../src/netlink/attributes.ts';
import { assertHardened, decodeAll, hex, ip, readCaptures } from './captures.ts';

const capture = readCaptures('mptcp');
const shape = MPTCP_FAMILY.attributes;
type Endpoint = Decoded<typeof shape>['endpoint'];
const read = (bytes: Uint8Array) => decodeAll([bytes], (each) => decodeGenl(shape, each))[0];

/** What is asked of the kernel, and its answers. */
function fakeGenl(answers: readonly Uint8Array[]): { genl: Genl; asked: { command: number; endpoint: Endpoint }[] } {
  const asked: { command: number; endpoint: Endpoint }[] = [];
  const genl: Genl = {
    family: () => Promise.reject(new Error('not asked for')),
    observe: () => Promise.reject(new Error('not asked for')),
    request: async (description, request) => {
      const { command, attributes }: GenlRequest<typeof shape> = request;
      asked.push({ command, endpoint: attributes?.endpoint });
      return decodeAll([...answers], (each) => decodeGenl(description.attributes, each));
    },
  };
  return { genl, asked };
}

test('endpoints are added and removed as ip-mptcp does', async () => {
  const { genl, asked } = fakeGenl([]);
  await addEndpoint(genl, { address: ip('192.0.2.7'), ifindex: 1, flags: ['subflow', 'backup'] });
  await addEndpoint(genl, { address: ip('2001:db8::7'), ifindex: 1, flags: ['signal'] });
  await removeEndpoint(genl, { id: 1, address: ip('192.0.2.7') });
  const theirs = [
    'ip mptcp endpoint add 192.0.2.7 dev lo subflow backup', 'ip mptcp endpoint add 2001:db8::7 dev lo signal',
  ].map((command) => read(capture(command).sent[0] ?? hex('')));
  assert.equal(asked.slice(0, 2), theirs.map((each) => {
    return { command: each?.command, endpoint: each?.attributes.endpoint };
  }));
  const removal = read(capture('ip mptcp endpoint delete id 1').sent[0] ?? hex(''));
  assert.equal([removal?.command, removal?.attributes.endpoint], [2, { id: 1 }]);
  assert.equal([asked[2]?.command, asked[2]?.endpoint?.id], [2, 1]);
});

test('what is there is read, and stands truncation, flipped bits and noise', async () => {
  const { received } = capture('ip mptcp endpoint');
  const endpoints = await listEndpoints(fakeGenl(received).genl);
  assert.equal(endpoints.map(({ id, address, ifindex, flags }) => [id, String(address), ifindex, flags]), [
    [1, '192.0.2.7', 1, ['subflow', 'backup']],
    [2, '2001:db8::7', 1, ['signal']],
  ]);
  for (const each of received) assertHardened((message) => decodeGenl(shape, message), each);
});

test.run();
