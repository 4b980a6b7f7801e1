/**
 * What wpa_supplicant's states mean for a connection that is being made or is there: nothing yet,
 * joined, roaming, or failed and why. Pure; the order of the rows is ConnMan's, with its gaps closed:
 * a wrong key is told from an access point that is busy or gone (IEEE 802.11-2020, 9.4.1.7 and 9.4.1.9).
 */

/** `State` of fi.w1.wpa_supplicant1.Interface. */
export type SupplicantState =
  | 'interface_disabled' | 'inactive' | 'disconnected' | 'scanning' | 'authenticating' | 'associating'
  | 'associated' | '4way_handshake' | 'group_handshake' | 'completed' | 'unknown';

/** Why a connection failed, in the words of a service's `Error`. */
export type JoinFailure = 'invalid-key' | 'connect-failed' | 'blocked';

/** Where the supplicant is with our network. */
export interface Joining {
  readonly state: SupplicantState;
  readonly isConnected: boolean;
  /** How often the handshake has failed in a row. */
  readonly keyFailures: number;
  /** How often it was not let in: the access point is full, busy or does not answer. */
  readonly refusals: number;
  /** Scans in a row that did not find it. */
  readonly fruitlessScans: number;
}

/** Before anything has happened. */
export const NOT_JOINED: Joining = {
  state: 'inactive', isConnected: false, keyFailures: 0, refusals: 0, fruitlessScans: 0,
};

/** A new state and what the supplicant says of the last failure. */
export interface StateReport {
  readonly state: SupplicantState;
  /** `DisconnectReason`: negative where we left ourselves. */
  readonly disconnectReason: number;
  /** `AssocStatusCode`. */
  readonly statusCode: number;
  /** `AuthStatusCode`: how the access point ended the authentication. */
  readonly authStatusCode: number;
  /** How many failures in a row prove the secret wrong: one where it never worked. */
  readonly maxKeyFailures: number;
  /** The same of handshakes, which fail where the access point is slow, too. */
  readonly maxHandshakes: number;
  /** Whether WPS fetches the secret: it leaves and comes back. */
  readonly isFetching: boolean;
}

/** What to do. */
export type JoinOutcome =
  | { readonly kind: 'nothing' }
  /** To be tried once more at once. */
  | { readonly kind: 'again' }
  | { readonly kind: 'joined' }
  | { readonly kind: 'lost' }
  | { readonly kind: 'failed'; readonly error: JoinFailure };

const REASON_CLASS_2_FRAME = 6;
const STATUS_CHALLENGE_FAILED = 15;
const STATUS_HANDSHAKE_TIMEOUT = 16;
const MAX_REFUSALS = 3;
const MAX_FRUITLESS_SCANS = 3;

const NOTHING: JoinOutcome = { kind: 'nothing' };
const IDLE_STATES: ReadonlySet<SupplicantState> = new Set([
  'unknown', 'interface_disabled', 'disconnected', 'inactive', 'scanning',
]);

/** Advances with a state of the supplicant. */
export function step(before: Joining, report: StateReport): { joining: Joining; outcome: JoinOutcome } {
  const { state } = report;
  if (state === 'completed') {
    const joining = { ...NOT_JOINED, state, isConnected: true };
    return { joining, outcome: before.isConnected ? NOTHING : { kind: 'joined' } };
  }
  if (state === 'disconnected') return disconnected(before, report);
  if (state === 'scanning' && before.isConnected) {
    return { joining: { ...before, state, isConnected: false }, outcome: { kind: 'lost' } };
  }
  const fruitlessScans = IDLE_STATES.has(state) ? before.fruitlessScans : 0;
  return { joining: { ...before, state, fruitlessScans }, outcome: NOTHING };
}

/** Advances with the end of a scan: what is not found for so long is not there. */
export function stepScan(before: Joining): { joining: Joining; outcome: JoinOutcome } {
  if (before.isConnected || !IDLE_STATES.has(before.state)) return { joining: before, outcome: NOTHING };
  const fruitlessScans = before.fruitlessScans + 1;
  if (fruitlessScans < MAX_FRUITLESS_SCANS) return { joining: { ...before, fruitlessScans }, outcome: NOTHING };
  return { joining: { ...before, fruitlessScans: 0 }, outcome: { kind: 'failed', error: 'connect-failed' } };
}

/** What happened inside 802.1X, in wpa_supplicant's words (its D-Bus API, signal EAP). */
export interface EapReport {
  readonly status: string;
  readonly parameter: string;
  readonly maxKeyFailures: number;
}

/**
 * Advances with it: a server that is not trusted ends the attempt, and one that refuses us, after it
 * was trusted, proves the secret wrong. `complaint` says what is wrong for people.
 */
export function stepEap(
  before: Joining, { status, parameter, maxKeyFailures }: EapReport,
): { joining: Joining; outcome: JoinOutcome; complaint?: string } {
  if (status === 'remote certificate verification' && parameter !== 'success') {
    const complaint = `the server's certificate is not good: ${parameter}`;
    return { joining: before, outcome: { kind: 'failed', error: 'connect-failed' }, complaint };
  }
  if (status !== 'completion' || parameter !== 'failure') return { joining: before, outcome: NOTHING };
  const keyFailures = before.keyFailures + 1;
  if (keyFailures < maxKeyFailures) return { joining: { ...before, keyFailures }, outcome: NOTHING };
  const complaint = 'the server refuses who we say we are';
  return { joining: { ...before, keyFailures: 0 }, outcome: { kind: 'failed', error: 'invalid-key' }, complaint };
}

function disconnected(before: Joining, report: StateReport): { joining: Joining; outcome: JoinOutcome } {
  const joining = { ...before, state: report.state };
  if (IDLE_STATES.has(before.state)) return { joining, outcome: NOTHING };
  if (before.isConnected) return { joining: { ...joining, isConnected: false }, outcome: { kind: 'lost' } };
  if (report.isFetching) return { joining, outcome: NOTHING };
  if (isKeyFailure(before.state, report)) {
    const keyFailures = before.keyFailures + 1;
    const max = before.state === '4way_handshake' ? report.maxHandshakes : report.maxKeyFailures;
    const next: JoinOutcome = keyFailures === 1 ? { kind: 'again' } : NOTHING;
    if (keyFailures < max) return { joining: { ...joining, keyFailures }, outcome: next };
    return { joining: { ...joining, keyFailures: 0 }, outcome: { kind: 'failed', error: 'invalid-key' } };
  }
  if (report.disconnectReason === REASON_CLASS_2_FRAME) {
    return { joining, outcome: { kind: 'failed', error: 'blocked' } };
  }
  // wpa_supplicant tries again by itself; an access point may be busy once or twice.
  const refusals = before.refusals + 1;
  if (refusals < MAX_REFUSALS) return { joining: { ...joining, refusals }, outcome: NOTHING };
  return { joining: { ...joining, refusals: 0 }, outcome: { kind: 'failed', error: 'connect-failed' } };
}

/** SAE and WEP prove the secret while authenticating, a passphrase is proven by the handshake. */
function isKeyFailure(before: SupplicantState, { statusCode, authStatusCode }: StateReport): boolean {
  if (before === '4way_handshake') return true;
  if (before === 'associating') return statusCode === STATUS_HANDSHAKE_TIMEOUT;
  return before === 'authenticating' && authStatusCode === STATUS_CHALLENGE_FAILED;
}
