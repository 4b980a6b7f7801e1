/** The table of what comes and goes: what is in is found, what was taken out is not. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { ChainTable, type Member } from '../../../src/dns/chain-table.ts';

interface Numbered extends Member<Numbered> {
  readonly hash: number;
}

test('members are found until they are taken out', () => {
  const action = fc.tuple(fc.constantFrom('add', 'remove', 'clear'), fc.integer({ min: -40, max: 40 }));
  fc.assert(fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
    const table = new ChainTable<Numbered>(8);
    const model: Numbered[] = [];
    for (const [what, hash] of actions) {
      if (what === 'add') {
        const member: Numbered = { hash, next: undefined };
        table.add(member);
        model.push(member);
      } else if (what === 'remove') {
        const index = model.findIndex((each) => each.hash === hash);
        const [member] = index < 0 ? [{ hash, next: undefined }] : model.splice(index, 1);
        assert.is(member !== undefined && table.remove(member), index >= 0);
        assert.is(member?.next, undefined);
      } else if (hash === 0) {
        table.clear();
        model.length = 0;
      }
      assert.is(table.size, model.length);
      assert.equal(new Set(table.members()), new Set(model));
      const found: Numbered[] = [];
      for (let each = table.first(hash); each !== undefined; each = each.next) if (each.hash === hash) found.push(each);
      assert.is(found.length, model.filter((each) => each.hash === hash).length);
    }
  }));
});

test.run();
