/**
 * What one exchange with a server tells, and which of the last eight to believe (the clock filter of
 * RFC 5905, 10). All is reckoned against the monotonic clock: a sample says what has to be added to
 * it to have the time of day, so that nobody's step of the wall clock spoils it.
 */

import type { NtpReply } from './packet.ts';

/** The outcome of an exchange. */
export interface Sample {
  /** Time of day minus clock time, in milliseconds. */
  readonly baseMs: number;
  /** There and back, without the server's own time. */
  readonly delayMs: number;
  /** How far the clocks alone may be off. */
  readonly dispersionMs: number;
  /** Clock time of the reply. */
  readonly atMs: number;
}

/** The samples of a server, newest first. */
export type Samples = readonly Sample[];

/** What a server's samples amount to now. */
export interface Estimate {
  readonly sample: Sample;
  /** Half the delay and all dispersion: as far as the sample may be off. */
  readonly distanceMs: number;
  readonly jitterMs: number;
}

/** ConnMan's limit: what is off by less is slewed (the kernel slews half a second at most). */
export const STEP_MS = 400;
const MOST_SAMPLES = 8;
/** PHI of RFC 5905: by how much two clocks may drift apart, 15 ppm. */
export const DRIFT = 15e-6;
/** Reading the clock and waking up for a reply. */
const OWN_PRECISION_MS = 0.1;

/** The sample of a request that left at `sentAtMs` and was answered at `atMs`; undefined for nonsense. */
export function takeSample(
  reply: Pick<NtpReply, 'receivedAtMs' | 'sentAtMs' | 'precisionMs'>, sentAtMs: number, atMs: number,
): Sample | undefined {
  const { receivedAtMs, sentAtMs: repliedAtMs, precisionMs } = reply;
  if (receivedAtMs === undefined || repliedAtMs === undefined || repliedAtMs < receivedAtMs) return undefined;
  const elapsedMs = atMs - sentAtMs;
  const delayMs = elapsedMs - (repliedAtMs - receivedAtMs);
  // The server cannot have had it longer than we waited, but for the grain of the clocks.
  if (delayMs < -(precisionMs + OWN_PRECISION_MS)) return undefined;
  return {
    // RFC 5905, 8: ((T2 - T1) + (T3 - T4)) / 2, where T1 and T4 are the clock's.
    baseMs: (receivedAtMs - sentAtMs + (repliedAtMs - atMs)) / 2,
    delayMs: Math.max(delayMs, OWN_PRECISION_MS),
    dispersionMs: precisionMs + OWN_PRECISION_MS + DRIFT * elapsedMs,
    atMs,
  };
}

/** Puts a sample in front. One that is off from the last by a step begins anew: the server's clock was set. */
export function addSample(samples: Samples, sample: Sample): Samples {
  const isSame = Math.abs(sample.baseMs - (samples[0]?.baseMs ?? sample.baseMs)) < STEP_MS;
  return isSame ? [sample, ...samples.slice(0, MOST_SAMPLES - 1)] : [sample];
}

/** The best of the samples and how they differ; undefined without any. */
export function estimate(samples: Samples, nowMs: number): Estimate | undefined {
  const [newest] = samples;
  if (newest === undefined) return undefined;
  const distance = ({ delayMs, dispersionMs, atMs }: Sample): number =>
    delayMs / 2 + dispersionMs + DRIFT * (nowMs - atMs);
  const best = samples.reduce((one, other) => (distance(other) < distance(one) ? other : one), newest);
  const squares = samples.reduce((sum, { baseMs }) => sum + (baseMs - best.baseMs) ** 2, 0);
  const jitterMs = Math.max(OWN_PRECISION_MS, Math.sqrt(squares / Math.max(1, samples.length - 1)));
  return { sample: best, distanceMs: distance(best), jitterMs };
}
