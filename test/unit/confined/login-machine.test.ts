/** A WISPr login as a machine: every message and response code, and conversations that never end. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  begin,
  loginForm,
  step,
  type Action,
  type Reply,
  type State,
} from '../../../src/confined/wispr/login-machine.ts';

const STATUS = 'http://status.example/';

function page(body: string, more: Partial<Reply> = {}): Reply {
  return {
    url: 'https://gateway.example/page',
    status: 200,
    location: undefined,
    isStatusPage: false,
    body,
    ...more,
  };
}

function message(type: number, code: number, elements: Readonly<Record<string, string | number>> = {}): Reply {
  const all = { MessageType: type, ResponseCode: code, ...elements };
  const xml = Object.entries(all)
    .map(([name, value]) => `<${name}>${value}</${name}>`)
    .join('');
  return page(`<!--<WISPAccessGatewayParam><X>${xml}</X></WISPAccessGatewayParam>-->`);
}

const redirect = (location: string | undefined): Reply => page('', { status: 302, location });
const offer = (abort = 'abort'): Reply => message(100, 0, { LoginURL: 'login', AbortLoginURL: abort });

/** The action that each reply leads to, as text. */
function play(...replies: Reply[]): string[] {
  let state: State = begin();
  return replies.map((reply) => {
    const next = step(state, reply);
    ({ state } = next);
    return describe(next.action);
  });
}

function describe(action: Action): string {
  switch (action.kind) {
    case 'get':
      return `get ${action.url}${action.afterSec > 0 ? ` after ${action.afterSec} s` : ''}`;
    case 'login':
      return `login ${action.url}${action.message === undefined ? '' : ` (${action.message})`}`;
    case 'end':
      return Object.values(action.result).join(' ');
  }
}

const LOGIN = 'login https://gateway.example/login';

test('from the status page to the verdict', () => {
  assert.equal(play(redirect('/welcome'), offer(), message(120, 50)), [
    'get https://gateway.example/welcome',
    LOGIN,
    'open',
  ]);
  assert.equal(play(page('', { isStatusPage: true })), ['open']);
  assert.equal(play(message(110, 200, { NextURL: 'next', Delay: 3 }), offer()), [
    'get https://gateway.example/next after 3 s',
    LOGIN,
  ]);
  assert.equal(play(offer(), redirect('https://gateway.example/result'), message(140, 50)), [
    LOGIN,
    'get https://gateway.example/result',
    'open',
  ]);
});

test('a pending login is polled, not too often and not too seldom', () => {
  assert.equal(
    play(offer(), message(120, 201, { LoginResultsURL: 'poll', Delay: 9999 }), message(140, 201), message(140, 50)),
    [LOGIN, 'get https://gateway.example/poll after 10 s', 'get https://gateway.example/page after 1 s', 'open'],
  );
  assert.equal(play(offer(), message(120, 201)), [LOGIN, 'failed message 120, response 201: not decided']);
});

test('a user may mistype twice', () => {
  const wrong = message(120, 100, { ReplyMessage: 'No.' });
  assert.equal(play(offer(), wrong, wrong, wrong), [
    LOGIN,
    `${LOGIN} (No.)`,
    `${LOGIN} (No.)`,
    'failed message 120, response 100: login refused (No.)',
  ]);
  // A gateway that begins anew instead counts the same.
  assert.equal(play(offer(), offer(), offer(), offer()).at(-1), 'failed message 100, response 0: no error');
});

test('a page without a message wants a browser before the login, and fails it after', () => {
  assert.equal(play(page('<h1>hello</h1>')), ['browser https://gateway.example/page']);
  assert.equal(play(page('', { status: 511 })), ['browser https://gateway.example/page']);
  assert.equal(play(message(100, 0)), ['browser https://gateway.example/page']);
  assert.equal(play(redirect(undefined)), ['browser https://gateway.example/page']);
  assert.equal(play(redirect('ftp://x/')), ['browser https://gateway.example/page']);
  assert.equal(play(offer(), page('', { status: 500 })), [
    LOGIN,
    'failed the gateway answers with status 500 and no message',
  ]);
});

test('every other message ends the login and says why', () => {
  const rows: readonly (readonly [type: number, code: number, why: string])[] = [
    [100, 105, 'the network administrator is to be asked'],
    [100, 255, 'the gateway failed'],
    [110, 0, 'no error'],
    [120, 102, 'the authentication server failed'],
    [120, 255, 'the gateway failed'],
    [120, 7, 'unknown'],
    [130, 150, 'logged off'],
    [140, 105, 'the network administrator is to be asked'],
    [150, 151, 'login aborted'],
  ];
  for (const [type, code, why] of rows) {
    assert.equal(play(message(type, code)), [`failed message ${type}, response ${code}: ${why}`]);
  }
});

test('no conversation is without end', () => {
  const loops = [redirect('/again'), message(110, 200, { NextURL: 'again' })];
  for (const reply of loops) {
    const actions = play(...Array<Reply>(20).fill(reply));
    assert.is(
      actions.findIndex((action) => action.startsWith('browser')),
      13,
    );
  }
  const pending = message(140, 201, { Delay: 0 });
  const actions = play(offer(), ...Array<Reply>(20).fill(pending));
  const aborted = actions.indexOf('get https://gateway.example/abort');
  assert.is(aborted, 13, actions.join('\n'));
  assert.is(actions[aborted + 1], 'failed the gateway did not decide in time');
});

test('the form is what ConnMan posts', () => {
  assert.is(
    loginForm({ username: 'a b', password: 'ö&=' }, STATUS),
    'button=Login&UserName=a+b&Password=%C3%B6%26%3D&FNAME=0&OriginatingServer=http%3A%2F%2Fstatus.example%2F',
  );
});

test.run();
