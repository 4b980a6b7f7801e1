/**
 * Proxy auto-configuration in its confined program: what scripts find out, and that the worst of
 * them cost the daemon nothing but a bounded wait. What each costs stands in the README.
 */

import { existsSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfinedError, runConfined } from '../../src/daemon/confined/confined.ts';
import { DeadlineClock, nodeTimeSource } from '../../src/shared/clock.ts';
import { useTestAddon } from '../helpers/system.ts';

useTestAddon();
const clock = new DeadlineClock(nodeTimeSource());
const CORPUS = '../shared/corpora/pac';

interface Question {
  readonly url?: string;
  readonly own?: readonly string[];
  readonly names?: Readonly<Record<string, readonly string[]>>;
}

async function ask(script: string, { url = 'http://www.example/a', own = ['10.0.0.2'], names = {} }: Question = {}) {
  return await runConfined({
    program: 'confined-pac',
    task: { script, url, host: new URL(url).hostname, addresses: own, nowMs: Date.UTC(2026, 0, 31, 12) },
    timeLimitMs: 30_000,
    answer: async (question) => {
      const host = Object(question).resolve;
      return typeof host === 'string' ? names[host] ?? [] : undefined;
    },
  }, { clock }, new AbortController().signal);
}

/** How a script fails, as the daemon sees it. */
async function failureOf(body: string): Promise<string> {
  try {
    return `returned ${JSON.stringify(await ask(`function FindProxyForURL(url, host) { ${body} }`))}`;
  } catch (error) {
    assert.instance(error, ConfinedError);
    return error instanceof ConfinedError ? error.failure : '';
  }
}

test('scripts are asked', async () => {
  const script = `var first = "192.0.2.7:3128";
    function FindProxyForURL(url, host) {
      if (dnsResolve(host) == "198.51.100.7" && isInNet(myIpAddress(), "10.0.0.0", "255.0.0.0") &&
          weekdayRange("SAT", "GMT") && timeRange(12, "GMT")) return "PROXY " + first + "; DIRECT";
      alert("no"); console.log("no", url);
      return "DIRECT";
    }`;
  assert.is(await ask(script, { names: { 'www.example': ['198.51.100.7'] } }), 'PROXY 192.0.2.7:3128; DIRECT');
  assert.is(await ask(script, { names: {} }), 'DIRECT');
});

test('a script in any language of the world, and a large one', async () => {
  const script = `// ${'ж'.repeat(100_000)}\nfunction FindProxyForURL() { return "PROXY прокси:1"; }`;
  assert.is(await ask(script), 'PROXY прокси:1');
});

test('what a script may not do fails, in bounded time', async () => {
  const escape = 'var p = alert.constructor("return process")();';
  const rows: readonly (readonly [body: string, failure: RegExp])[] = [
    ['for (;;);', /crashed/],
    ['var a = []; for (;;) a.push(new Array(10000).join("x" + a.length));', /crashed/],
    ['var a = []; for (;;) a.push(new Uint8Array(1 << 20).fill(1));', /crashed|task/],
    ['return 1;', /task/],
    ['throw new Error("x");', /task/],
    ['return "x".repeat(100000);', /returned "x{4096}"/],
    [`${escape} return p.getuid() + " " + p.getgid() + " " + p.getgroups();`, /returned "65534 65534 65534"/],
    [`${escape} p.kill(p.ppid, 9); return "killed";`, /task/],
    [`${escape} p.setuid(0); return "root";`, /task/],
    [`${escape} return p.mainModule.require("fs").readFileSync("/etc/passwd", "utf8");`, /task/],
    [`${escape} return p.mainModule.require("fs").writeFileSync("/tmp/causeway-pac", "x") + "";`, /task/],
    [`${escape} return p.mainModule.require("child_process").execSync("id") + "";`, /task/],
    [`${escape} return p.mainModule.require("child_process").spawnSync("/bin/true").error.code;`, /"EACCES"/],
    [`${escape} return JSON.stringify(Object.keys(p.env).sort());`, /returned "\[.*\]"/],
    [`${escape} p.stdout.write("nonsense\\n"); return "x";`, /protocol/],
    [`${escape} for (;;) p.binding("fs").writeString(1, "{\\"ask\\":{}}\\n");`, /protocol|task|crash/],
    ['for (var i = 0; i < 1e4; i++) isResolvable("host" + i + ".example"); return "DIRECT";', /returned "DIRECT"/],
    [`${escape} p.exit(0);`, /crashed/],
  ];
  for (const [body, failure] of rows) {
    const found = await failureOf(body);
    assert.match(found, failure, `${body}: ${found}`);
  }
});

test('no socket is made', async () => {
  // bind() makes the socket, and answers with a negative errno.
  const script = `var tcp = alert.constructor("return process")().binding("tcp_wrap");
    function FindProxyForURL() { return "bind " + new tcp.TCP(tcp.constants.SERVER).bind("127.0.0.1", 0); }`;
  assert.is(await ask(script), 'bind -13');
});

test('a child that is no longer wanted is gone', async () => {
  const controller = new AbortController();
  const never = runConfined({
    program: 'confined-pac',
    task: { script: 'function FindProxyForURL() { return isResolvable("x") + ""; }', url: 'http://x/', host: 'x' },
    timeLimitMs: 60_000,
    answer: () => {
      controller.abort(new Error('not wanted'));
      return new Promise(() => undefined);
    },
  }, { clock }, controller.signal);
  await never.then(() => assert.unreachable(), (error: Error) => assert.is(error.message, 'not wanted'));
});

if (existsSync(CORPUS)) {
  test('the corpus', async () => {
    const script = readFileSync(`${CORPUS}/proxy.pac`, 'utf8');
    const names = { 'www.google.com': ['198.51.100.1'] };
    for (const line of readFileSync(`${CORPUS}/testdata`, 'utf8').split('\n')) {
      const [, own = '10.0.0.2', url, expected] = /^(?:-c (\S+) )?-u (\S+)\|(\S+)/.exec(line) ?? [];
      if (url !== undefined) assert.is(await ask(script, { url, own: [own], names }), expected, line);
    }
    assert.is(await ask(readFileSync(`${CORPUS}/logging.pac`, 'utf8')), 'DIRECT');
  });
}

test.run();
