/**
 * Which process holds a port, from proc(5): the socket's inode in /proc/net, then the descriptor that
 * leads to it. For the text of an error only: what it finds may be out of date a moment later.
 */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const TABLES = ['udp', 'udp6', 'tcp', 'tcp6'] as const;
const TCP_LISTEN = '0A';

/** `name (pid)` of a process that has UDP or listening TCP port `port`; undefined if it cannot be found. */
export function portHolder(port: number): string | undefined {
  const inodes = new Set(TABLES.flatMap((table) => inodesOf(table, port)));
  if (inodes.size === 0) return undefined;
  const pid = quietly(() => readdirSync('/proc'), []).find((name) => /^[0-9]+$/.test(name) && holds(name, inodes));
  if (pid === undefined) return undefined;
  return `${quietly(() => readFileSync(`/proc/${pid}/comm`, 'utf8').trim(), 'a process')} (${pid})`;
}

// Columns: number, local address:port in hexadecimal, remote, state, … , inode the tenth.
function inodesOf(table: string, port: number): string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = quietly(() => readFileSync(`/proc/self/net/${table}`, 'utf8'), '').split('\n').slice(1);
  return lines.flatMap((line) => {
    const columns = line.trim().split(/\s+/);
    const isOpen = table.startsWith('udp') || columns[3] === TCP_LISTEN;
    const inode = columns[9];
    return columns[1]?.endsWith(wanted) === true && isOpen && inode !== undefined ? [inode] : [];
  });
}

function holds(pid: string, inodes: ReadonlySet<string>): boolean {
  const folder = `/proc/${pid}/fd`;
  return quietly(() => readdirSync(folder), []).some((fd) => {
    const target = quietly(() => readlinkSync(`${folder}/${fd}`), '');
    const inode = /^socket:\[([0-9]+)\]$/.exec(target)?.[1];
    return inode !== undefined && inodes.has(inode);
  });
}

// Processes come and go while one looks, and not all may be looked at.
function quietly<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch {
    return otherwise;
  }
}
