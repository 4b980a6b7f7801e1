/**
 * Log lines on standard error, gathered and written once a turn of the event loop: hundreds of links
 * that come at once log thousands of lines, and each write would wake whoever reads them. Written to
 * the descriptor itself: Node's stream costs 4 ms and half a megabyte at the first line.
 * Invariant: whatever was said before `process.exit` or an uncaught exception is written.
 */

import { writeSync } from 'node:fs';
import { isErrno } from './files.ts';

const STDERR = 2;
const MOST_KEPT = 65_536;

/** Takes text; most of one turn's is kept for one write. */
export function echoToStderr(): (text: string) => void {
  let kept = '';
  let write = writeNow;
  const flush = (): void => {
    const bytes = Buffer.from(kept);
    kept = '';
    const left = write(bytes);
    if (left.length > 0) write = streamFrom(left);
  };
  process.on('exit', flush);
  return (text) => {
    if (kept === '') setImmediate(flush);
    kept += text;
    if (kept.length > MOST_KEPT) flush();
  };
}

/** Returns what whoever reads the log has no room for; to one who is gone nothing is written. */
function writeNow(bytes: Uint8Array): Uint8Array {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(STDERR, bytes, at);
    } catch (error) {
      return bytes.subarray(isErrno(error, 'EAGAIN') ? at : bytes.length);
    }
  }
  return NOTHING;
}

/** For one who reads slowly from what does not block: Node's stream keeps the rest, in order. */
function streamFrom(first: Uint8Array): (bytes: Uint8Array) => Uint8Array {
  process.stderr.on('error', () => undefined);
  const write = (bytes: Uint8Array): Uint8Array => {
    if (bytes.length > 0) process.stderr.write(bytes);
    return NOTHING;
  };
  write(first);
  return write;
}

const NOTHING = new Uint8Array();
