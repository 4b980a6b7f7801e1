/** WISPr messages as gateways send them, and as nobody should. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { findMessage } from '../../../src/confined/wispr/gateway-message.ts';

const PAGE = 'http://gateway.example/redirect?x=1';

/** Elements in a block, in the form the annex shows. */
function block(kind: string, elements: string): string {
  const attributes = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="a.xsd"';
  return (
    `<?xml version="1.0"?><WISPAccessGatewayParam ${attributes}><${kind}>${elements}</${kind}>` +
    '</WISPAccessGatewayParam>'
  );
}

const NOTHING = {
  nextUrl: undefined,
  loginUrl: undefined,
  abortLoginUrl: undefined,
  loginResultsUrl: undefined,
  replyMessage: undefined,
  delaySec: 0,
};

test('a redirect inside a comment of a page', () => {
  const page = `<html><!-- hello --><body>Hi<!--\n${block(
    'Redirect',
    `
    <AccessProcedure>1.0</AccessProcedure>
    <AccessLocation>isocc=us,cc=1,ac=206,network=cafe</AccessLocation>
    <LocationName>Caf\u00e9</LocationName>
    <LoginURL>https://gateway.example/login?a=1&amp;b=2</LoginURL>
    <AbortLoginURL>/abort</AbortLoginURL>
    <MessageType>100</MessageType>
    <ResponseCode>0</ResponseCode>`,
  )}\n--></body></html>`;
  assert.equal(findMessage(page, PAGE), {
    ...NOTHING,
    type: 100,
    responseCode: 0,
    loginUrl: 'https://gateway.example/login?a=1&b=2',
    abortLoginUrl: 'http://gateway.example/abort',
  });
});

test('what gateways get wrong is understood', () => {
  const rows: readonly (readonly [elements: string, expected: object])[] = [
    [
      '<messagetype>110</messagetype><RESPONSECODE> 200 </RESPONSECODE><Delay>5</Delay><NextURL>x</NextURL>',
      { type: 110, responseCode: 200, delaySec: 5, nextUrl: 'http://gateway.example/x' },
    ],
    [
      '<w:MessageType>120</w:MessageType><w:ResponseCode>100</w:ResponseCode><ReplyMessage>No &lt;x&gt;</ReplyMessage>',
      { type: 120, responseCode: 100, replyMessage: 'No <x>' },
    ],
    [
      '<MessageType>120</MessageType><ResponseCode>50</ResponseCode><LoginURL>http://a/?x&y&amp;z</LoginURL>',
      { type: 120, responseCode: 50, loginUrl: 'http://a/?x&y&z' },
    ],
    [
      '<LoginURL><![CDATA[ https://a/?x<y&b ]]></LoginURL><MessageType>100</MessageType><ResponseCode>0</ResponseCode>',
      { type: 100, responseCode: 0, loginUrl: 'https://a/?x%3Cy&b' },
    ],
    [
      '<MessageType>140<ResponseCode>201<LoginResultsURL>http://a/poll',
      { type: 140, responseCode: 201, loginResultsUrl: 'http://a/poll' },
    ],
    [
      '<MessageType>100</MessageType><ResponseCode>0</ResponseCode><LoginURL>javascript:alert(1)</LoginURL>',
      { type: 100, responseCode: 0 },
    ],
    [
      '<MessageType>130</MessageType><ResponseCode>150</ResponseCode>&#x41;&#99999999;',
      { type: 130, responseCode: 150 },
    ],
    [
      '<MessageType>150</MessageType><MessageType>100</MessageType><ResponseCode>151</ResponseCode>',
      { type: 150, responseCode: 151 },
    ],
  ];
  for (const [elements, expected] of rows) {
    const text = `${block('Any', elements)}<`;
    assert.equal(findMessage(text, PAGE), { ...NOTHING, ...expected }, elements);
  }
});

test('what is no message is none', () => {
  const rows = [
    '',
    '<WISPAccessGatewayParam>',
    'WISPAccessGatewayParam',
    block('Redirect', ''),
    block('Redirect', '<MessageType>99</MessageType><ResponseCode>0</ResponseCode>'),
    block('Redirect', '<MessageType>100</MessageType>'),
    block('Redirect', '<MessageType>100</MessageType><ResponseCode>-1</ResponseCode>'),
    '<WISPAccessGatewayParameter><MessageType>100</MessageType><ResponseCode>0</ResponseCode>',
  ];
  for (const row of rows) assert.is(findMessage(row, PAGE), undefined, row);
});

test('a broken block does not hide the next', () => {
  const good = block('Redirect', '<MessageType>100</MessageType><ResponseCode>0</ResponseCode>');
  assert.is(findMessage(`${block('Redirect', '<MessageType>x</MessageType>')}${good}`, PAGE)?.type, 100);
});

test('any text is read, in time in proportion to its length', () => {
  const pieces = [
    '<WISPAccessGatewayParam>',
    '</WISPAccessGatewayParam>',
    '<MessageType>',
    '100',
    '<',
    '>',
    '</',
    '<ResponseCode>0</ResponseCode>',
    '<![CDATA[',
    ']]>',
    '&#',
    ';',
    'x:',
    '\0',
    '<LoginURL>',
    'http://',
    '<!--',
    '-->',
  ];
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constantFrom(...pieces), fc.string())), fc.string(), (parts, url) => {
      findMessage(parts.join(''), URL.canParse(url) ? url : PAGE);
    }),
    { numRuns: 3000 },
  );
  for (const piece of pieces) {
    const started = performance.now();
    findMessage(piece.repeat((256 * 1024) / piece.length), PAGE);
    findMessage(`<WISPAccessGatewayParam>${piece.repeat((256 * 1024) / piece.length)}`, PAGE);
    assert.ok(performance.now() - started < 1000, piece);
  }
});

test.run();
