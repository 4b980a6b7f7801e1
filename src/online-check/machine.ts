/**
 * When a link counts as online and when it is asked again (facts: ConnMan's one-shot and continuous
 * online check). Pure: time and outcomes are arguments. One machine per service and address family.
 */

/** What one check found out. */
export type Outcome =
  | { readonly kind: 'online' }
  /** Something between us and the status server answered; `url` is where a user would log in. */
  | { readonly kind: 'portal'; readonly url: string }
  | { readonly kind: 'failed'; readonly reason: FailureReason; readonly detail: string };

/** Why a check found neither the status server nor a portal. */
export type FailureReason =
  | 'dns' | 'refused' | 'unreachable' | 'connectTimeout' | 'timeout' | 'reset' | 'malformed' | 'tooLarge'
  | 'tls' | 'status' | 'route';

/** What the checks so far say of the link: `unknown` until enough of them agree. */
export type Standing = 'unknown' | 'online' | 'failed';
