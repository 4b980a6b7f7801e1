/**
 * The confined program that asks a proxy auto-configuration file for the proxies of one URL. Task:
 * `{script, url, host, addresses, nowMs}`; questions: `{resolve: host}` → list of addresses; result:
 * what FindProxyForURL returned. The script is as hostile as the network it came from: what holds
 * it is the confinement of this process, not its context.
 */

import { createContext, runInContext } from 'node:vm';
import { serve, type Ask } from '../serve.ts';
import { pacFunctions } from './functions.ts';
import { addressFunctions } from './address-functions.ts';
import { timeFunctions } from './time-functions.ts';

const MIB = 1024 * 1024;
const LONGEST_RESULT = 4096;

// With the 25 MiB that Node has for itself by then, less than 64.
serve({ moreBytes: 36 * MIB, cpuSec: 1 }, findProxy);

function findProxy(task: unknown, ask: Ask): string {
  const text = (key: string): string => String(field(task, key) ?? '');
  const context = createContext({
    ...pacFunctions(),
    ...addressFunctions(listOf(field(task, 'addresses')), (host) => listOf(ask({ resolve: host }))),
    ...timeFunctions(() => new Date(Number(field(task, 'nowMs')))),
    alert: () => undefined,
    console: { log: () => undefined },
  });
  runInContext(text('script'), context, { filename: 'proxy.pac' });
  const call = `(${JSON.stringify(text('url'))}, ${JSON.stringify(text('host'))})`;
  const found: unknown = runInContext(
    `typeof FindProxyForURLEx === 'function' ? FindProxyForURLEx${call} : FindProxyForURL${call}`, context);
  if (typeof found !== 'string') throw new Error(`FindProxyForURL returned ${typeof found}`);
  return found.slice(0, LONGEST_RESULT);
}

function field(value: unknown, key: string): unknown {
  return Object.entries(value ?? {}).find(([name]) => name === key)?.[1];
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
