/**
 * Waiting for what the mirror shows of a link: events have a socket of their own, so the answer to a
 * request, or a program that made an interface, may be heard before the kernel's event. Invariant:
 * once a wait has settled, nothing of it is left.
 */

import type { Clock } from '../../shared/clock.ts';
import { ConnmanError } from '../../shared/errors.ts';
import type { Scope } from '../../shared/scope.ts';
import type { Mirror } from '../mirror.ts';
import type { Link } from './link.ts';

/** What it takes to wait. */
export interface LinkWaitEnv {
  readonly mirror: Mirror;
  readonly clock: Clock;
}

/** A link that somebody makes or sets up. */
export interface AwaitedLink {
  readonly name: string;
  /** It counts once it is so; unless said, once it is there. */
  readonly isReady?: (link: Link) => boolean;
  /** How long it may take. */
  readonly limitMs: number;
  readonly signal?: AbortSignal;
}

/**
 * The link, at once where the mirror has it and it is ready. Rejects with OperationTimeout after
 * `limitMs`, with the reason of `signal`, or with OperationAborted when `scope` closes.
 */
export function untilLink(env: LinkWaitEnv, awaited: AwaitedLink, scope: Scope): Promise<Link> {
  const { name, isReady = () => true, limitMs, signal } = awaited;
  const look = (): Link | undefined => {
    const link = env.mirror.linkByName(name);
    return link !== undefined && isReady(link) ? link : undefined;
  };
  return untilFound(env, { what: `link ${name}`, look, limitMs, signal }, scope);
}

/** Resolves once the mirror has no link of this index. Rejects as `untilLink` does. */
export async function untilNoLink(env: LinkWaitEnv, ifindex: number, limitMs: number, scope: Scope): Promise<void> {
  const look = (): true | undefined => (env.mirror.links.has(ifindex) ? undefined : true);
  await untilFound(env, { what: `end of link ${ifindex}`, look, limitMs, signal: undefined }, scope);
}

interface Wait<T> {
  /** Names the timer. */
  readonly what: string;
  readonly look: () => T | undefined;
  readonly limitMs: number;
  readonly signal: AbortSignal | undefined;
}

async function untilFound<T>({ mirror, clock }: LinkWaitEnv, wait: Wait<T>, scope: Scope): Promise<T> {
  const { what, look, limitMs, signal } = wait;
  signal?.throwIfAborted();
  const found = look();
  if (found !== undefined) return found;
  const own = scope.child();
  try {
    return await new Promise<T>((resolve, reject) => {
      const abort = (): void => reject(signal?.reason);
      signal?.addEventListener('abort', abort);
      own.defer(() => signal?.removeEventListener('abort', abort));
      own.defer(() => reject(new ConnmanError('OperationAborted')));
      clock.after(what, limitMs, own, () => reject(new ConnmanError('OperationTimeout')));
      mirror.linkChanged.observe(own, () => {
        const seen = look();
        if (seen !== undefined) resolve(seen);
      });
    });
  } finally {
    await own.close();
  }
}
