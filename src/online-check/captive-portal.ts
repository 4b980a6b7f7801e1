/**
 * Asks a network's own captive portal API (RFC 8908) at the address that DHCP or a router gave
 * (RFC 8910). What it says is believed only over TLS with a certificate of its name. Parsing is total.
 */

import type { HttpReply } from '../web/http-request.ts';

/** What a network says of itself. */
export interface CaptiveState {
  readonly isCaptive: boolean;
  /** Where a user gets out. */
  readonly portalUrl: string | undefined;
  /** How long the way out stays open. */
  readonly remainingMs: number | undefined;
}

/** RFC 8910, 2: there is no portal. */
const UNRESTRICTED = 'urn:ietf:params:capport:unrestricted';
const MEDIA_TYPE = 'application/captive+json';
const LARGEST_BODY = 16 * 1024;
/** Longer than a user stays. */
const LONGEST_SEC = 30 * 24 * 3600;

/** What to ask for. */
export const CAPTIVE_REQUEST = { accept: MEDIA_TYPE, limits: { bodyBytes: LARGEST_BODY, replyMs: 10_000 } } as const;

/** Whether an API can be asked at `url`: RFC 8908, 4.1 wants https. */
export function isPortalApi(url: string | undefined): url is string {
  return url !== undefined && url !== UNRESTRICTED && URL.canParse(url) && new URL(url).protocol === 'https:';
}

/** What the API's reply says, or undefined where it is none of RFC 8908, 5. Never throws. */
export function parseCaptiveState({ status, headers, body }: Omit<HttpReply, 'address'>): CaptiveState | undefined {
  const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (status !== 200 || type !== MEDIA_TYPE) return undefined;
  const members = parseObject(Buffer.from(body).toString());
  const isCaptive = members?.get('captive');
  if (typeof isCaptive !== 'boolean') return undefined;
  const seconds = members?.get('seconds-remaining');
  const isTime = typeof seconds === 'number' && seconds >= 0;
  return {
    isCaptive,
    portalUrl: httpUrl(members?.get('user-portal-url')),
    remainingMs: isTime ? 1000 * Math.min(seconds, LONGEST_SEC) : undefined,
  };
}

function parseObject(text: string): ReadonlyMap<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? new Map(Object.entries(value)) : undefined;
  } catch {
    return undefined;
  }
}

function httpUrl(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > 2048 || !URL.canParse(value)) return undefined;
  const url = new URL(value);
  return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : undefined;
}
