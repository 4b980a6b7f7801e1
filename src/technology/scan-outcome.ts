/**
 * How a scan went, for programs: ConnMan's errors say that it could not be made, a word says why.
 */

import { ConnmanError, type ConnmanErrorCode, messageOf } from '../shared/errors.ts';

/** Why a scan could not be made or brought nothing. Words on the bus: none is ever given another sense. */
export type ScanTrouble =
  /** Nothing of the technology can scan. */
  | 'no-device'
  /** It is turned off. */
  | 'off'
  /** A switch that we can set, or that only people can, is off. */
  | 'soft-blocked' | 'hard-blocked'
  /** It is joining a network, or is an access point. */
  | 'busy'
  /** The supplicant or the driver does not do it; the detail is theirs. */
  | 'refused'
  /** It was begun and ended by somebody else. */
  | 'aborted'
  /** The driver did not end it. */
  | 'timeout'
  /** The device went meanwhile. */
  | 'gone';

/** A scan that could not be made. */
export class ScanError extends ConnmanError {
  readonly trouble: ScanTrouble;

  /** The text is ConnMan's for the code unless said, whatever the trouble; `cause` says more. */
  constructor(
    code: ConnmanErrorCode, trouble: ScanTrouble, options: ErrorOptions & { readonly message?: string } = {},
  ) {
    super(code, options.message, options);
    this.trouble = trouble;
  }
}

/** The last scan of a technology. */
export interface ScanOutcome {
  readonly at: Date;
  /** Undefined where all went well. */
  readonly trouble: ScanTrouble | undefined;
  /** What those said who could not make it. */
  readonly detail: string | undefined;
}

/** What an error of a scan means. */
export function scanOutcome(at: Date, error?: unknown): ScanOutcome {
  if (error === undefined) return { at, trouble: undefined, detail: undefined };
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const detail = messageOf(cause);
  return { at, trouble: error instanceof ScanError ? error.trouble : troubleOf(error), detail };
}

function troubleOf(error: unknown): ScanTrouble {
  if (!(error instanceof ConnmanError)) return 'refused';
  return BY_CODE[error.code] ?? 'refused';
}

const BY_CODE: Readonly<Partial<Record<ConnmanErrorCode, ScanTrouble>>> = {
  InProgress: 'busy', OperationTimeout: 'timeout', OperationAborted: 'aborted', NoCarrier: 'gone',
};
