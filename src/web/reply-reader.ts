/**
 * Reads one HTTP/1.1 reply as it comes in (RFC 9112): interim replies are passed over, the head is
 * checked line by line, a body is gathered where one is wanted. Pure: bytes in, a reply or an
 * HttpError out. Invariant: holds no more than its limits, and looks at each byte once.
 */

import { HttpError } from './http-error.ts';

/** A reply without the address it came from. Header names are in lower case; repeated values are joined. */
export interface ReplyParts {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
}

/** Bounds of one reply. */
export interface ReplyLimits {
  /** Status line and headers, those of interim replies included. */
  readonly headerBytes: number;
  /** Body kept; when undefined the reply is complete with its headers. */
  readonly bodyBytes: number | undefined;
}

/** Takes the bytes of a connection. */
export class ReplyReader {
  readonly #limits: ReplyLimits;
  readonly #head: Buffer;
  #headLength = 0;
  #lineStart = 0;
  #lines: string[] = [];
  #parts: Omit<ReplyParts, 'body'> | undefined;
  #body: BodyReader | undefined;

  constructor(limits: ReplyLimits) {
    this.#limits = limits;
    this.#head = Buffer.alloc(limits.headerBytes);
  }

  /** The reply once it is complete; bytes past its end are ignored. Throws HttpError. */
  push(bytes: Uint8Array): ReplyParts | undefined {
    let at = 0;
    while (this.#parts === undefined) {
      if (at === bytes.length) return undefined;
      this.#takeHeadByte(bytes[at++] ?? 0);
    }
    if (this.#body === undefined) return { ...this.#parts, body: new Uint8Array() };
    return this.#body.push(bytes.subarray(at)) ? { ...this.#parts, body: this.#body.bytes() } : undefined;
  }

  /** The far side has closed: the reply if that is its end. Throws HttpError. */
  end(): ReplyParts {
    const parts = this.#parts;
    if (parts !== undefined && this.#body?.isUntilEnd === true) return { ...parts, body: this.#body.bytes() };
    throw new HttpError('reset', 'the connection was closed before the end of the reply');
  }

  #takeHeadByte(byte: number): void {
    if (this.#headLength === this.#head.length) {
      throw new HttpError('tooLarge', `more than ${this.#head.length} bytes of headers`);
    }
    this.#head[this.#headLength++] = byte;
    if (this.#headLength <= PROTOCOL.length && byte !== PROTOCOL.charCodeAt(this.#headLength - 1)) {
      throw malformed('it does not begin as HTTP/1 does');
    }
    if (byte === LF) this.#endLine();
  }

  #endLine(): void {
    const end = this.#headLength - 2;
    if (end < this.#lineStart || this.#head[end] !== CR) throw malformed('a line ends without CR');
    const line = this.#head.toString('latin1', this.#lineStart, end);
    this.#lineStart = this.#headLength;
    if (line !== '') this.#lines.push(line);
    else this.#endHead();
  }

  #endHead(): void {
    const [first = '', ...rest] = this.#lines.splice(0);
    // RFC 9112, 4: the reason may be missing, and the blank before it with it.
    const status = Number(/^HTTP\/1\.[01] ([1-9]\d\d)(?: [^\0-\x08\x0a-\x1f\x7f]*)?$/.exec(first)?.[1]);
    if (Number.isNaN(status)) throw malformed('no status line');
    const headers = parseHeaders(rest);
    if (status === SWITCHING) throw malformed('it switches to a protocol not asked for');
    // RFC 9110, 15.2: any number of interim replies may come before the one that counts.
    if (status < 200) return;
    this.#parts = { status, headers: Object.fromEntries(headers) };
    const { bodyBytes } = this.#limits;
    if (bodyBytes !== undefined) this.#body = new BodyReader(status, headers, bodyBytes);
  }
}

const PROTOCOL = 'HTTP/1.';
const CR = 13;
const LF = 10;
const SWITCHING = 101;
/** Of which a second one is ignored: a list of them means nothing. */
const SINGLE: readonly string[] = ['location', 'content-type', 'retry-after'];

// RFC 9112, 5: a token, a colon, a value without control characters. Folded lines are obsolete, and refused.
function parseHeaders(lines: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, name, value = ''] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\0-\x08\x0a-\x1f\x7f]*)$/.exec(line) ?? [];
    if (name === undefined) throw malformed('a header line is none');
    const key = name.toLowerCase();
    const text = value.replace(/^[ \t]+|[ \t]+$/g, '');
    const before = headers.get(key);
    if (before === undefined) headers.set(key, text);
    else if (!SINGLE.includes(key)) headers.set(key, `${before}, ${text}`);
  }
  return headers;
}

/** A body of any framing (RFC 9112, 6.3). */
class BodyReader {
  /** The end of the connection is the end of the body. */
  readonly isUntilEnd: boolean;
  readonly #limitBytes: number;
  readonly #kept: Uint8Array[] = [];
  #size = 0;
  /** Bytes left of the body or of the chunk; undefined until the connection ends. */
  #left: number | undefined;
  /** Of a chunked body, what is read now. */
  #chunked: 'size' | 'data' | 'trailer' | undefined;
  #line = '';

  constructor(status: number, headers: ReadonlyMap<string, string>, limitBytes: number) {
    this.#limitBytes = limitBytes;
    const coding = headers.get('transfer-encoding');
    const length = headers.get('content-length');
    if (status === 204 || status === 304) this.#left = 0;
    else if (coding !== undefined) this.#chunked = asChunked(coding);
    else if (length !== undefined) this.#left = parseLength(length);
    this.isUntilEnd = this.#left === undefined && this.#chunked === undefined;
  }

  bytes(): Uint8Array {
    return Uint8Array.from(Buffer.concat(this.#kept));
  }

  /** Whether the body is complete. Throws HttpError. */
  push(bytes: Uint8Array): boolean {
    if (this.#chunked !== undefined) return this.#pushChunked(bytes);
    this.#keep(bytes.subarray(0, this.#left ?? bytes.length));
    return this.#left === 0;
  }

  #keep(bytes: Uint8Array): void {
    this.#size += bytes.length;
    if (this.#size > this.#limitBytes) throw new HttpError('tooLarge', `a body of more than ${this.#limitBytes} bytes`);
    // Copied: what comes in lies in a buffer that the next batch overwrites.
    if (bytes.length > 0) this.#kept.push(bytes.slice());
    if (this.#left !== undefined) this.#left -= bytes.length;
  }

  // RFC 9112, 7.1: sizes in lines of their own, each chunk followed by an empty one, trailers last.
  #pushChunked(bytes: Uint8Array): boolean {
    for (let at = 0; at < bytes.length; ) {
      if (this.#chunked === 'data' && this.#left !== undefined && this.#left > 0) {
        const part = bytes.subarray(at, at + this.#left);
        this.#keep(part);
        at += part.length;
        continue;
      }
      const line = this.#takeLineByte(bytes[at++] ?? 0);
      if (line !== undefined && this.#endChunkLine(line)) return true;
    }
    return false;
  }

  #takeLineByte(byte: number): string | undefined {
    if (this.#line.length > MOST_CHUNK_LINE) throw malformed('a chunk size without end');
    this.#line += String.fromCharCode(byte);
    if (byte !== LF) return undefined;
    if (!this.#line.endsWith('\r\n')) throw malformed('a line ends without CR');
    const line = this.#line.slice(0, -2);
    this.#line = '';
    return line;
  }

  #endChunkLine(line: string): boolean {
    if (this.#chunked === 'trailer') return line === '';
    if (this.#chunked === 'data') {
      if (line !== '') throw malformed('a chunk is longer than it says');
      this.#chunked = 'size';
      return false;
    }
    const digits = /^([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?$/.exec(line)?.[1];
    if (digits === undefined) throw malformed('no chunk size');
    this.#left = Number.parseInt(digits, 16);
    this.#chunked = this.#left === 0 ? 'trailer' : 'data';
    return false;
  }
}

const MOST_CHUNK_LINE = 4096;

function asChunked(coding: string): 'size' {
  if (coding.toLowerCase() !== 'chunked') throw malformed(`transfer coding ${coding}`);
  return 'size';
}

// RFC 9112, 6.3: the same length twice is one length.
function parseLength(text: string): number {
  const [first = '', ...rest] = text.split(',').map((each) => each.trim());
  if (!/^\d{1,15}$/.test(first) || rest.some((each) => each !== first)) throw malformed('no length of the body');
  return Number(first);
}

function malformed(what: string): HttpError {
  return new HttpError('malformed', `not HTTP: ${what}`);
}
