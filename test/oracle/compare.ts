/**
 * Holds one transcript against another. What a client can rely on is compared: every reply, and for
 * every object the signals in order; that one object's signals come before another's is checked
 * where it matters (`ORDER`). An announcement of what is known already tells nothing, and of a
 * property announced several times in a step the last value counts; only states count each time.
 */

import type { Step } from './recorder.ts';

/** What one says and the other does not, in a step. */
export interface Difference {
  readonly step: string;
  /** Objects and properties, or a call: what the line is about. */
  readonly line: string;
  readonly side: 'oracle' | 'ours';
}

/** What differs, in order. */
export function compareTranscripts(oracle: readonly Step[], ours: readonly Step[]): Difference[] {
  const expected = reduce(oracle);
  const actual = reduce(ours);
  const names = new Set([...expected.map(({ name }) => name), ...actual.map(({ name }) => name)]);
  return [...names].flatMap((step) => {
    const of = (steps: readonly Step[]): readonly string[] =>
      steps.find(({ name }) => name === step)?.lines ?? [];
    const subjects = new Set([...of(expected), ...of(actual)].map(subjectOf));
    return [...subjects].flatMap((subject) => {
      const about = (steps: readonly Step[]): string[] => of(steps).filter((line) => subjectOf(line) === subject);
      return differences(step, about(expected), about(actual));
    });
  });
}

/** Lines that come in this order, whoever speaks; the first two of each are looked at. */
export const ORDER: readonly (readonly [before: RegExp, after: RegExp])[] = [
  [/^ObjectManager InterfacesAdded "(eth\d|[\w-]+\/\w+)"/, /^Manager \/ ServicesChanged .*\["$1",\{"/],
  [/^Manager \/ TechnologyAdded "(\w+)"/, /^ObjectManager InterfacesAdded "$1"/],
  [/^Service \S+ "State" "ready"/, /^Technology \w+ "Connected" true/],
  [/^Technology \w+ "Connected" true/, /^Manager \/ "State" "ready"/],
  [/^Service \S+ "State" "online"/, /^Manager \/ "State" "online"/],
  [/^Technology \w+ "Connected" false/, /^Manager \/ "State" "(?:idle|offline)"/],
  [/^Service (eth\d|[\w-]+\/\w+) "State" "idle"/, /^ObjectManager InterfacesRemoved "$1"/],
  [/^Technology \w+ "Powered" false/, /^Manager \/ "OfflineMode" true/],
  [/^ObjectManager InterfacesRemoved "(eth\d|[\w-]+\/\w+)"/, /^Manager \/ ServicesChanged .*\] \[.*"$1"/],
  [/^Manager \/ TechnologyRemoved "(\w+)"/, /^ObjectManager InterfacesRemoved "$1"/],
];

/** Which of `ORDER` a transcript does not keep. */
export function disorder(steps: readonly Step[]): string[] {
  return steps.flatMap(({ name, lines }) =>
    ORDER.flatMap(([before, after]) => {
      const first = lines.findIndex((line) => before.test(line));
      const match = before.exec(lines[first] ?? '');
      if (match === null) return [];
      const wanted = new RegExp(after.source.replace('$1', match[1] ?? ''));
      const second = lines.findIndex((line) => wanted.test(line));
      return second >= 0 && second < first ? [`${name}: ${lines[second]} before ${lines[first]}`] : [];
    }),
  );
}

const STATES: ReadonlySet<string> = new Set(['State', 'Connected', 'Powered', 'OfflineMode']);

function reduce(steps: readonly Step[]): Step[] {
  const known = new Map<string, string>();
  return steps.map(({ name, lines }) => {
    const kept: (string | undefined)[] = [];
    const last = new Map<string, number>();
    for (const line of lines) {
      for (const [key, value] of told(line)) known.set(key, value);
      const change = /^((?:Service|Technology|Manager|Clock) \S+ "([\w.]+)") (.*)$/.exec(line);
      if (change === null) {
        if (line !== kept.at(-1)) kept.push(line);
        continue;
      }
      const [, key = '', property = '', value = ''] = change;
      const before = last.get(key);
      if (known.get(key) === value && before === undefined) continue;
      if (before !== undefined && !STATES.has(property)) kept[before] = undefined;
      known.set(key, value);
      last.set(key, kept.length);
      kept.push(line);
    }
    return { name, lines: kept.filter((line) => line !== undefined) };
  });
}

/** What a dictionary in a line tells of properties, as announcements of them would. */
function* told(line: string): Generator<[string, string]> {
  const properties = /^Manager \/ TechnologyAdded "(\w+)" (\{.*\})$/.exec(line);
  const services = /^Manager \/ ServicesChanged (\[.*\]) \[.*\]$/.exec(line);
  const asked = /^> ([\w-]+\/[a-z0-9]+) GetProperties = (\{.*\})$/.exec(line);
  if (asked !== null) yield* entries(`Service ${asked[1]}`, JSON.parse(asked[2] ?? ''));
  if (properties !== null) yield* entries(`Technology ${properties[1]}`, JSON.parse(properties[2] ?? ''));
  if (services === null) return;
  const changed: unknown = JSON.parse(services[1] ?? '');
  for (const each of Array.isArray(changed) ? changed : []) {
    const [path, dictionary]: unknown[] = Array.isArray(each) ? each : [];
    if (Object(dictionary) === dictionary) yield* entries(`Service ${path}`, Object(dictionary));
  }
}

function entries(object: string, dictionary: object): [string, string][] {
  return Object.entries(dictionary).map(([key, value]) => [`${object} "${key}"`, JSON.stringify(value)]);
}

/** Whose order is compared: replies together, and each object by itself. */
function subjectOf(line: string): string {
  // When services are listed anew and when ConnMan has found its proxy is a matter of time, and it
  // tells of time servers whenever it has looked at them.
  const subject = /^(?:>|exit|< \S+ \S+|Manager \/ ServicesChanged|Service \S+ "(?:Proxy|Timeservers)"|\S+ \S+)/;
  return subject.exec(line)?.[0] ?? line;
}

/** The lines that are not in the longest common subsequence. */
function differences(step: string, oracle: readonly string[], ours: readonly string[]): Difference[] {
  const lengths = Array.from({ length: oracle.length + 1 }, () => Array.from({ length: ours.length + 1 }, () => 0));
  const at = (row: number, column: number): number => lengths[row]?.[column] ?? 0;
  for (let row = oracle.length - 1; row >= 0; row--) {
    for (let column = ours.length - 1; column >= 0; column--) {
      const length = oracle[row] === ours[column]
        ? at(row + 1, column + 1) + 1
        : Math.max(at(row + 1, column), at(row, column + 1));
      lengths[row]?.splice(column, 1, length);
    }
  }
  const found: Difference[] = [];
  let [row, column] = [0, 0];
  while (row < oracle.length || column < ours.length) {
    const [expected, actual] = [oracle[row], ours[column]];
    if (expected !== undefined && expected === actual) {
      row++;
      column++;
    } else if (expected !== undefined && at(row + 1, column) >= at(row, column + 1)) {
      found.push({ step, line: expected, side: 'oracle' });
      row++;
    } else if (actual !== undefined) {
      found.push({ step, line: actual, side: 'ours' });
      column++;
    }
  }
  return found;
}
