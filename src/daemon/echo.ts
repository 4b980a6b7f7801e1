/**
 * Log lines on standard error, gathered and written once a turn of the event loop: hundreds of links
 * that come at once log thousands of lines, and each write would wake whoever reads them.
 * Invariant: whatever was said before `process.exit` or an uncaught exception is written.
 */

/** Takes text; most of one turn's is kept for one write. */
export function echoToStderr(): (text: string) => void {
  let kept = '';
  const flush = (): void => {
    const text = kept;
    kept = '';
    if (text !== '') process.stderr.write(text);
  };
  process.on('exit', flush);
  return (text) => {
    if (kept === '') setImmediate(flush);
    kept += text;
    if (kept.length > MOST_KEPT) flush();
  };
}

const MOST_KEPT = 65_536;
