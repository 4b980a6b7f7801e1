/**
 * Why something is or is not connected, default or online. What finds it out is loaded with the first
 * question: a daemon that nobody asks pays nothing.
 */

import type { Finding } from './explain/finding.ts';
import type { Question } from './explain/findings.ts';
import type { SnapshotEnv } from './explain/snapshot.ts';

/** A finding, and what is to be said of it. */
export interface Explanation extends Finding {
  readonly text: string;
}

/** Explains what is asked about, or everything. Rejects with nothing. */
export type Explain = (question?: Question) => Promise<readonly Explanation[]>;

/** Explains `env` as it is when asked. */
export function explainer(env: SnapshotEnv): Explain {
  return async (question) => {
    const [{ takeSnapshot }, { findingsOf }, { sentencesOf }] = await Promise.all([
      import('./explain/snapshot.ts'), import('./explain/findings.ts'), import('./explain/sentences.ts'),
    ]);
    const findings = findingsOf(await takeSnapshot(env), question);
    return findings.map((finding) => ({ ...finding, text: sentencesOf(finding) }));
  };
}
