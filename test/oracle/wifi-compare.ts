/**
 * What of a transcript on Wi-Fi can be held against another: how strong a network is heard, and which others
 * are heard, when and together with what, is never twice the same. A step named `psk: …` is about that
 * network; of others nothing is kept.
 */

import { compareTranscripts, type Difference, disorder } from './compare.ts';
import { explain, type Explanation, WIFI_EXPLANATIONS } from './differences.ts';
import type { Step } from './recorder.ts';
import { BETWEEN } from './wifi-script.ts';

/** What differs between steps of `ours` and the same of `oracle`, where there are any; `used`: what explains. */
export function unexplainedOnWifi(
  oracle: readonly Step[], ours: readonly Step[], used: Set<Explanation>,
): readonly string[] {
  const recorded = new Set(oracle.map(({ name }) => name));
  const names = new Set(ours.map(({ name }) => name).filter((name) => name !== BETWEEN && recorded.has(name)));
  // What services are before anything has been done: parts are compared one by one.
  const known = oracle.filter(({ name }) => /^\w+: asked$/.test(name) && !names.has(name)).map(steady);
  const expected = [...known, ...oracle.filter(({ name }) => names.has(name)).map(steady)];
  const actual = [...known, ...ours.filter(({ name }) => names.has(name)).map(steady)];
  const differences = compareTranscripts(expected, actual).filter((each) => {
    const explanation = explain(each, WIFI_EXPLANATIONS);
    if (explanation !== undefined) used.add(explanation);
    return explanation === undefined;
  });
  return [...differences.map(textOf), ...disorder(actual)];
}

function textOf({ step, side, line }: Difference): string {
  return `${step}: ${side} ${line}`;
}

function steady({ name, lines }: Step): Step {
  const about = /^([a-z ]+): /.exec(name)?.[1]?.split(' ') ?? [];
  const isMeant = (service: string): boolean =>
    about.some((each) => service.startsWith(`${each}/`) || service.startsWith(`rig-${each}/`));
  // Of the proxy differences.ts tells where it is announced.
  const told = lines.map((line) => line.replaceAll('"Proxy":{"Method":"direct"}', '"Proxy":{}'));
  return { name, lines: told.flatMap((line) => kept(line, isMeant)) };
}

function kept(line: string, isMeant: (service: string) => boolean): readonly string[] {
  if (/^Service \S+ "Strength"/.test(line)) return [];
  const service = /^(?:Service|ObjectManager \w+) "?([\w-]+\/[a-z0-9]+)\b/.exec(line)?.[1];
  if (service !== undefined) return isMeant(service) ? [line] : [];
  const lists = /^Manager \/ ServicesChanged (\[.*\]) (\[.*?\])$/.exec(line);
  if (lists === null) return [line];
  const [changed, removed]: unknown[] = [JSON.parse(lists[1] ?? ''), JSON.parse(lists[2] ?? '')];
  const added = (Array.isArray(changed) ? changed : []).filter(([path, properties]) =>
    isMeant(String(path)) && Object.keys(Object(properties)).length > 0);
  const gone = (Array.isArray(removed) ? removed : []).filter((path) => isMeant(String(path)));
  return [
    ...added.map((each) => `Manager / ServicesChanged ${JSON.stringify([each])} []`),
    ...gone.map((each) => `Manager / ServicesChanged [] ${JSON.stringify([each])}`),
  ];
}
