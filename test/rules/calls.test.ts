/**
 * Time and chance are arguments: outside `shared/clock`, whose business they are, the product
 * neither sets timers nor asks for the time, and randomness comes from `shared/random`.
 */

import { test } from 'uvu';
import { assertNone, complainAboutLines, productSources, withoutComments } from './sources.ts';

const BANNED: readonly (readonly [call: RegExp, users: RegExp])[] = [
  [/\b(setTimeout|setInterval)\s*\(/, /^src\/shared\/clock\.ts$/],
  [/\b(Date\.now|performance\.now|process\.hrtime)\b|\bnew Date\b(?!\(\S)/, /^src\/shared\/clock\.ts$/],
  [/\bAbortSignal\.timeout\b/, /^$/],
  [/\bMath\.random\b/, /^$/],
  [/\brandom(Bytes|FillSync|Fill|Int|UUID)\s*\(/, /^src\/shared\/random\.ts$/],
  [/\bprocess\.(exit|abort)\s*\(/, /^(src\/(daemon|client)\/|(src\/main|vpn\/(main|script))\.ts$)/],
  [/\bconsole\./, /^src\/client\//],
  [/\b(eval|Function)\s*\(/, /^$/],
];

test('no file calls what is not its business', () => {
  const isBanned = (line: string, path: string): boolean =>
    BANNED.some(([call, users]) => call.test(line) && !users.test(path));
  const files = productSources.map(withoutComments);
  assertNone(complainAboutLines(files, (line, { path }) => (isBanned(line, path) ? line.trim() : undefined)));
});

test.run();
