/**
 * Messages of access gateways (WISPr 1.0, annex D): a little XML, most often inside a comment of an
 * HTML page. Only what a login needs is read. Total: any text gives a message or undefined, in time
 * proportional to its length; malformed pieces are passed over, as gateways send many.
 */

/** WISPr's MessageType. */
export type MessageType = 100 | 110 | 120 | 130 | 140 | 150;

/** One message; URLs are absolute, of http or https, and may be absent. */
export interface GatewayMessage {
  readonly type: MessageType;
  readonly responseCode: number;
  readonly nextUrl: string | undefined;
  readonly loginUrl: string | undefined;
  readonly abortLoginUrl: string | undefined;
  readonly loginResultsUrl: string | undefined;
  /** For users. */
  readonly replyMessage: string | undefined;
  /** Seconds to wait before the next request. */
  readonly delaySec: number;
}

const LONGEST_MESSAGE = 64 * 1024;
const LONGEST_VALUE = 4096;
const MOST_MESSAGES = 8;
const TYPES: readonly MessageType[] = [100, 110, 120, 130, 140, 150];

/** The first complete message in a page that came from `pageUrl`. */
export function findMessage(page: string, pageUrl: string): GatewayMessage | undefined {
  const start = /<WISPAccessGatewayParam[\s>]/gi;
  for (let count = 0; count < MOST_MESSAGES; count++) {
    const found = start.exec(page);
    if (found === null) return undefined;
    const rest = page.slice(found.index, found.index + LONGEST_MESSAGE);
    const end = rest.search(/<\/WISPAccessGatewayParam/i);
    const message = messageOf(elementsOf(end < 0 ? rest : rest.slice(0, end)), pageUrl);
    if (message !== undefined) return message;
  }
  return undefined;
}

function messageOf(elements: ReadonlyMap<string, string>, pageUrl: string): GatewayMessage | undefined {
  const type = TYPES.find((each) => each === numberOf(elements.get('messagetype')));
  const responseCode = numberOf(elements.get('responsecode'));
  if (type === undefined || responseCode === undefined) return undefined;
  const url = (name: string): string | undefined => absoluteUrl(elements.get(name), pageUrl);
  return {
    type,
    responseCode,
    nextUrl: url('nexturl'),
    loginUrl: url('loginurl'),
    abortLoginUrl: url('abortloginurl'),
    loginResultsUrl: url('loginresultsurl'),
    replyMessage: elements.get('replymessage'),
    delaySec: numberOf(elements.get('delay')) ?? 0,
  };
}

/** Text by name of its element in lower case, without prefix; of several the first. */
function elementsOf(text: string): ReadonlyMap<string, string> {
  const elements = new Map<string, string>();
  const tag = /<(?:[\w-]{1,64}:)?([a-z]\w{0,63})(?:\s[^<>]*)?>/gi;
  for (let found = tag.exec(text); found !== null; found = tag.exec(text)) {
    const name = (found[1] ?? '').toLowerCase();
    const value = valueAt(text, tag.lastIndex);
    if (value !== '' && !elements.has(name)) elements.set(name, value);
  }
  return elements;
}

/** The text from `start` to the next tag, CDATA sections and entities resolved. */
function valueAt(text: string, start: number): string {
  const piece = text.slice(start, start + LONGEST_VALUE);
  const section = /^\s*<!\[CDATA\[/.exec(piece)?.[0];
  if (section !== undefined) return (piece.slice(section.length).split(']]>', 1)[0] ?? '').trim();
  const end = piece.indexOf('<');
  return resolveEntities(end < 0 ? '' : piece.slice(0, end)).trim();
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

// What is no entity stays: gateways put URLs with a bare & in.
function resolveEntities(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,4}));/gi, (whole, decimal, hex, name) => {
    if (typeof name === 'string') return ENTITIES[name] ?? whole;
    const code = typeof decimal === 'string' ? Number(decimal) : Number.parseInt(String(hex), 16);
    return code <= 0x10_ffff ? String.fromCodePoint(code) : whole;
  });
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) : undefined;
}

function absoluteUrl(text: string | undefined, base: string): string | undefined {
  if (text === undefined || !URL.canParse(text, base)) return undefined;
  const url = new URL(text, base);
  return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : undefined;
}
