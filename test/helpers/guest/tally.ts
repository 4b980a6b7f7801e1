/**
 * The lines by which the cases in a guest say how they go, and their count on the other side.
 * Everything between the lines of cases is output; a guest that dies leaves the rest failed.
 */

/** The first line: how many cases there are. */
export const formatPlan = (count: number): string => `cases ${count}`;

/** The line of a finished case; what went wrong follows in lines of its own. */
export const formatResult = (isPassed: boolean, name: string, elapsedMs: number): string =>
  `${isPassed ? 'passed' : 'FAILED'} (${(elapsedMs / 1000).toFixed(1)} s) ${name}`;

/** Counts results as they come. */
export class Tally {
  #planned: number | undefined;
  #passed = 0;
  #failed = 0;

  get failed(): number {
    return this.#failed;
  }

  /** Whether every planned case has a result. */
  get isComplete(): boolean {
    return this.#planned === this.#passed + this.#failed;
  }

  /** Takes a line in and returns it. */
  read(line: string): string {
    const plan = /^cases (\d+)$/.exec(line)?.[1];
    if (plan !== undefined) this.#planned ??= Number(plan);
    if (/^passed \([\d.]+ s\) /.test(line)) this.#passed++;
    if (/^FAILED \([\d.]+ s\) /.test(line)) this.#failed++;
    return line;
  }

  /** As uvu ends a test file, which is what test/run.ts reads. Without a plan one case counts as failed. */
  summary(elapsedMs: number): string {
    const total = Math.max(this.#planned ?? 1, this.#passed + this.#failed);
    return [
      `  Total:     ${total}`,
      `  Passed:    ${this.#passed}`,
      '  Skipped:   0',
      `  Duration:  ${elapsedMs.toFixed(2)}ms`,
    ].join('\n');
  }
}
