/** The plugin host: order, filters, failures, the way back. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startPlugins, type Plugin } from '../../../src/daemon/plugin-host.ts';
import { setLogSink } from '../../../src/shared/log.ts';
import { createScope } from '../../../src/shared/scope.ts';

type Trace = string[];

const lines: string[] = [];
setLogSink((level, line) => void lines.push(`${level} ${line}`));
test.before.each(() => void (lines.length = 0));

function plugin(name: string, priority: Plugin<Trace>['priority'] = 'default'): Plugin<Trace> {
  return {
    name,
    description: `${name} plugin`,
    priority,
    start(trace, scope) {
      trace.push(`start ${name}`);
      scope.defer(() => void trace.push(`stop ${name}`));
    },
  };
}

test('starts by priority, then in order, and stops in reverse', async () => {
  const scope = createScope();
  const trace: Trace = [];
  const plugins = [plugin('a'), plugin('late', 'low'), plugin('b'), plugin('first', 'high')];
  await startPlugins(plugins, trace, {}, scope);
  assert.equal(trace.splice(0), ['start first', 'start a', 'start b', 'start late']);
  await scope.close();
  assert.equal(trace, ['stop late', 'stop b', 'stop a', 'stop first']);
});

test('filters are globs, and -P is asked first', async () => {
  const started = async (filter: Parameters<typeof startPlugins>[2]): Promise<Trace> => {
    const scope = createScope();
    const trace: Trace = [];
    await startPlugins([plugin('ethernet'), plugin('wifi'), plugin('wispr')], trace, filter, scope);
    const copy = trace.map((line) => line.slice('start '.length));
    await scope.close();
    return copy;
  };
  assert.equal(await started({ plugin: ['wi*'] }), ['wifi', 'wispr']);
  assert.equal(await started({ plugin: ['ethernet', 'w?fi'] }), ['ethernet', 'wifi']);
  assert.equal(await started({ noplugin: ['wi*'] }), ['ethernet']);
  assert.equal(await started({ plugin: [], noplugin: [] }), []);
  lines.length = 0;
  assert.equal(await started({ plugin: ['wi*'], noplugin: ['wispr'] }), ['wifi']);
  assert.equal(lines, ['info Ignoring ethernet plugin', 'info Excluding wispr plugin']);
});

test('a plugin that fails is logged, gives back what it took, and stops no other', async () => {
  const scope = createScope();
  const trace: Trace = [];
  const failing = (name: string, start: Plugin<Trace>['start']): Plugin<Trace> => ({ ...plugin(name), start });
  await startPlugins(
    [
      failing('sync', (_, own) => {
        own.defer(() => void trace.push('stop sync'));
        throw new Error('at once');
      }),
      failing('async', async (_, own) => {
        own.defer(() => void trace.push('stop async'));
        await Promise.reject(new Error('later'));
      }),
      plugin('sound'),
    ],
    trace,
    {},
    scope,
  );
  assert.equal([...trace].sort(), ['start sound', 'stop async', 'stop sync']);
  assert.match(lines[0] ?? '', /^error plugin sync failed to start: Error: at once/);
  assert.match(lines[1] ?? '', /^error plugin async failed to start: Error: later/);
  await scope.close();
  assert.is(trace.at(-1), 'stop sound');
});

test('one plugin that waits does not hold up the next', async () => {
  const scope = createScope();
  const trace: Trace = [];
  let release = (): void => undefined;
  const waiting: Plugin<Trace> = { ...plugin('slow'), start: () => new Promise((resolve) => (release = resolve)) };
  const started = startPlugins([waiting, plugin('quick')], trace, {}, scope);
  assert.equal(trace, ['start quick']);
  release();
  await started;
  await scope.close();
});

test.run();
