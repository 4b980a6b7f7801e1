/**
 * What a process and its descendants cost, from proc(5): CPU time with nanosecond resolution from
 * schedstat, memory from smaps_rollup. Whoever has ended meanwhile counts for nothing.
 */

import { readdirSync, readFileSync } from 'node:fs';

/** Kilobytes. RSS counts shared pages whole, PSS by share, private not at all. */
export interface Memory {
  readonly rssKb: number;
  readonly pssKb: number;
  readonly privateKb: number;
}

/** CPU milliseconds that `pid` and its living descendants have used. */
export function cpuMs(pid: number): number {
  let total = 0;
  for (const member of family(pid)) {
    for (const thread of entries(`/proc/${member}/task`)) {
      total += Number(read(`/proc/${member}/task/${thread}/schedstat`).split(' ')[0]) / 1e6;
    }
  }
  return total;
}

/** Memory of `pid` and its living descendants. */
export function memory(pid: number): Memory {
  const texts = family(pid).map((member) => read(`/proc/${member}/smaps_rollup`));
  const sum = (name: string): number =>
    texts.reduce((total, text) => total + Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0), 0);
  return { rssKb: sum('Rss'), pssKb: sum('Pss'), privateKb: sum('Private_Clean') + sum('Private_Dirty') };
}

/** How often `pid` and its living descendants have waited for something and gone on, all threads. */
export function wakeUps(pid: number): number {
  const threads = family(pid).flatMap((member) =>
    entries(`/proc/${member}/task`).map((thread) => `/proc/${member}/task/${thread}/status`));
  const countOf = (path: string): number => Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(read(path))?.[1] ?? 0);
  return threads.reduce((total, path) => total + countOf(path), 0);
}

/** Resolves when the process has used next to no CPU for `quietMs`; returns its CPU time then. */
export async function atRest(pid: number, quietMs = 400): Promise<number> {
  for (let before = cpuMs(pid); ; ) {
    await new Promise((resolve) => setTimeout(resolve, quietMs));
    const now = cpuMs(pid);
    if (now - before < 1) return now;
    before = now;
  }
}

function family(pid: number): number[] {
  const children = entries(`/proc/${pid}/task`).flatMap((thread) =>
    read(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(family)];
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
