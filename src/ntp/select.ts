/**
 * Which of several servers tell the truth, and which of those is best (RFC 5905, 11.2.1). Each says
 * that the time lies in an interval; the truth is where the intervals of more than half of them
 * meet, and who lies outside is a falseticker. Pure.
 */

/** One server's claim. */
export interface Claim {
  /** What it says the time is; of all claims on the same scale. */
  readonly baseMs: number;
  /** Its root distance: as far as it may be off. */
  readonly distanceMs: number;
}

/**
 * The claims that agree, best (nearest to the source) first; none where no majority does. Of two
 * that contradict each other the first counts: nothing else is known of them than their order.
 */
export function select<C extends Claim>(claims: readonly C[]): C[] {
  const truth = intersect(claims) ?? (claims.length === 2 ? interval(claims[0]) : undefined);
  if (truth === undefined) return [];
  const agreeing = claims.filter(
    ({ baseMs, distanceMs }) => baseMs + distanceMs >= truth.lowMs && baseMs - distanceMs <= truth.highMs,
  );
  return agreeing.sort((one, other) => one.distanceMs - other.distanceMs);
}

interface Interval {
  readonly lowMs: number;
  readonly highMs: number;
}

function interval(claim: Claim | undefined): Interval | undefined {
  if (claim === undefined) return undefined;
  return { lowMs: claim.baseMs - claim.distanceMs, highMs: claim.baseMs + claim.distanceMs };
}

/** The smallest interval that lies in all but `allowed` claims, for the least `allowed` below a half. */
function intersect(claims: readonly Claim[]): Interval | undefined {
  for (let allowed = 0; 2 * allowed < claims.length; allowed++) {
    const wanted = claims.length - allowed;
    const lowMs = reach(claims, wanted, 1);
    const highMs = reach(claims, wanted, -1);
    if (lowMs !== undefined && highMs !== undefined && lowMs <= highMs) return { lowMs, highMs };
  }
  return undefined;
}

/** From one end (1: below) where first `wanted` intervals have begun and not ended. */
function reach(claims: readonly Claim[], wanted: number, direction: 1 | -1): number | undefined {
  const edges = claims.flatMap(({ baseMs, distanceMs }) => [
    { at: direction * baseMs - distanceMs, step: 1 },
    { at: direction * baseMs + distanceMs, step: -1 },
  ]);
  // Intervals that only touch do meet.
  edges.sort((one, other) => one.at - other.at || other.step - one.step);
  let open = 0;
  for (const { at, step } of edges) {
    open += step;
    if (open >= wanted) return direction * at;
  }
  return undefined;
}
