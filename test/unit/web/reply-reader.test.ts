/**
 * Replies as they come: whole, byte by byte and cut anywhere, of every framing, and what is none.
 * Whatever comes, the answer is a reply, an HttpError, or that more is wanted.
 */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { HttpError } from '../../../src/web/http-error.ts';
import { ReplyReader } from '../../../src/web/reply-reader.ts';

const LIMITS = { headerBytes: 1000, bodyBytes: 1000 };

/** The reply to `text` that comes in pieces of `pieceBytes` and then ends, as text; or the failure. */
function read(text: string, pieceBytes = text.length, limits: { bodyBytes?: undefined } = {}): string {
  const reader = new ReplyReader({ ...LIMITS, ...limits });
  const bytes = Buffer.from(text, 'latin1');
  try {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const piece = Uint8Array.from(bytes.subarray(at, at + pieceBytes));
      const reply = reader.push(piece);
      piece.fill(0xff); // its buffer is overwritten by what comes next
      if (reply !== undefined) return format(reply);
    }
    return `${format(reader.end())} at the end`;
  } catch (error) {
    if (error instanceof HttpError) return error.failure;
    throw error;
  }
}

function format({ status, headers, body }: ReturnType<ReplyReader['end']>): string {
  const words = Object.entries(headers).map((entry) => entry.join('='));
  return [status, ...words, Buffer.from(body).toString('latin1')].join(' ');
}

const OK = 'HTTP/1.1 200 OK\r\n';

const REPLIES: readonly (readonly [text: string, reply: string])[] = [
  [`${OK}Content-Length: 3\r\n\r\nabcdef`, '200 content-length=3 abc'],
  [`${OK}Content-Length: 3, 3\r\n\r\nabc`, '200 content-length=3, 3 abc'],
  [`${OK}A: 1\r\na:2\r\nB:\t x y \r\n\r\nrest`, '200 a=1, 2 b=x y rest at the end'],
  [`${OK}Location: /a\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n`, '200 location=/a content-length=0 '],
  ['HTTP/1.0 404\r\nContent-Length: 0\r\n\r\n', '404 content-length=0 '],
  ['HTTP/1.1 204 \r\n\r\n', '204 '],
  [`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n${OK}Content-Length: 1\r\n\r\nz`,
    '200 content-length=1 z'],
  [`${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nT: 1\r\n\r\n`,
    '200 transfer-encoding=chunked abc0123456789'],
];

test('replies of every framing, cut anywhere', () => {
  for (const [text, reply] of REPLIES) {
    for (let pieceBytes = 1; pieceBytes <= text.length; pieceBytes++) {
      assert.is(read(text, pieceBytes), reply, `${JSON.stringify(text)} by ${pieceBytes}`);
    }
  }
});

test('without a wish for the body the headers are enough', () => {
  assert.is(read(`${OK}Content-Length: 9\r\n\r\n`, 1, { bodyBytes: undefined }), '200 content-length=9 ');
});

test('what is no reply has a name', () => {
  const expected: readonly (readonly [string, string])[] = [
    ['', 'reset'],
    ['HTTP', 'reset'],
    ['SSH-2.0', 'malformed'],
    ['HTTP/2 200\r\n\r\n', 'malformed'],
    ['HTTP/1.1 200 OK\n\n', 'malformed'],
    ['HTTP/1.1 20\r\n\r\n', 'malformed'],
    ['HTTP/1.1 099 No\r\n\r\n', 'malformed'],
    ['HTTP/1.1 101 Other\r\n\r\n', 'malformed'],
    ['\r\n\r\n', 'malformed'],
    [`${OK}X-Y\0Z: 1\r\n\r\n`, 'malformed'],
    [`${OK}X: 1\0\r\n\r\n`, 'malformed'],
    [`${OK}X : 1\r\n\r\n`, 'malformed'],
    [`${OK}X: 1\r\n folded\r\n\r\n`, 'malformed'],
    [`${OK}Content-Length: 3, 4\r\n\r\nabc`, 'malformed'],
    [`${OK}Content-Length: -1\r\n\r\n`, 'malformed'],
    [`${OK}Content-Length: 4\r\n\r\nabc`, 'reset'],
    [`${OK}Transfer-Encoding: gzip, chunked\r\n\r\n`, 'malformed'],
    [`${OK}Transfer-Encoding: chunked\r\n\r\nx\r\n`, 'malformed'],
    [`${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n`, 'malformed'],
    [`${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`, 'reset'],
    [`${OK}Transfer-Encoding: chunked\r\n\r\n${'0'.repeat(9)}\r\n`, 'malformed'],
    [`${OK}Transfer-Encoding: chunked\r\n\r\n1;${'x'.repeat(9000)}`, 'malformed'],
    [`${OK}X: ${'x'.repeat(1000)}\r\n\r\n`, 'tooLarge'],
    ['HTTP/1.1 100 C\r\n\r\n'.repeat(100), 'tooLarge'],
    [`${OK}\r\n${'x'.repeat(1001)}`, 'tooLarge'],
    [`${OK}Transfer-Encoding: chunked\r\n\r\n3E9\r\n${'x'.repeat(1001)}`, 'tooLarge'],
  ];
  for (const [text, failure] of expected) assert.is(read(text, 7), failure, JSON.stringify(text.slice(0, 80)));
});

test('a header named __proto__ is a header', () => {
  assert.match(read(`${OK}__proto__: x\r\nContent-Length: 0\r\n\r\n`), '__proto__=x');
});

test('any bytes are a reply, an HttpError, or not enough', () => {
  const texts = fc.constantFrom(...REPLIES.map(([text]) => text));
  const mutated = fc.tuple(texts, fc.nat(), fc.integer({ min: 0, max: 255 }));
  fc.assert(fc.property(mutated, fc.integer({ min: 1, max: 50 }), ([text, place, byte], pieceBytes) => {
    const at = place % text.length;
    const changed = text.slice(0, at) + String.fromCharCode(byte) + text.slice(at + 1);
    assert.is(read(changed, pieceBytes), read(changed), 'the same however it comes');
  }));
});

test.run();
