/**
 * Logging in at captive portals, as an operator's gateway asks for it (WISPr), with a browser, or not
 * at all; and what is meant to break us. See test/helpers/portal.ts.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { managerInterface } from '../../src/dbus/interfaces/manager.ts';
import { SERVER_ADDRESS } from '../helpers/cell.ts';
import {
  credentials, eventually, isOnline, plug, PORTAL_NAMES, refuse, stateOf, unplug, withPortal,
} from '../helpers/portal.ts';
import { SERVICE_PATH } from '../helpers/wired.ts';

test('a WISPr login: proxy message, redirect, TLS, a wrong password, a pending one, and online', () =>
  withPortal({}, async ({ cell, portal, agent }) => {
    await portal.capture('wispr');
    const answers = [credentials('guest', 'wrong'), credentials('guest', 'o pen&')];
    agent.onInput = () => answers.shift() ?? refuse('Canceled');
    const since = await plug(cell);
    await cell.log.wait('online', isOnline, { since });
    assert.equal(agent.heard, Array(2).fill(`RequestInput ${SERVICE_PATH} Username,Password`));
    const posts = portal.requests
      .filter(({ method }) => method === 'POST')
      .map(({ path, body }) => `${path} ${body}`);
    const form = (password: string): string =>
      `/login?x=1&y=2 button=Login&UserName=guest&Password=${password}&FNAME=0&OriginatingServer=` +
      encodeURIComponent('http://ipv4.connman.net/online/status.html');
    assert.equal(posts, [form('wrong'), form('o+pen%26')]);
    const polls = portal.requests.filter(({ path }) => path === '/poll');
    assert.is(polls.length, 2);
  }));

test('a WISPr login through the proxy that the network names', () => {
  const dnsmasq = { names: PORTAL_NAMES, extra: [`--dhcp-option=252,http://${SERVER_ADDRESS}:8080/proxy.pac`] };
  return withPortal({ dnsmasq }, async ({ cell, portal, agent }) => {
    await portal.capture('wispr-proxy');
    agent.onInput = () => credentials('guest', 'o pen&');
    const since = await plug(cell);
    await cell.log.wait('online', isOnline, { since });
    const proxied = portal.requests
      .filter(({ name }) => name === 'proxy')
      .map(({ method, path }) => `${method} ${path}`);
    assert.ok(proxied.length >= 5, proxied.join('\n'));
    assert.equal([...new Set(proxied)], ['CONNECT status.example:443']);
  });
});

test('an agent that would rather have a browser, one that refuses, and one that has been out', () =>
  withPortal({}, async ({ cell, portal, agent, bus }) => {
    await portal.capture('wispr');
    agent.onInput = () => refuse('LaunchBrowser');
    agent.onBrowser = () => refuse('Canceled');
    await plug(cell);
    await agent.asked('RequestBrowser');
    assert.equal(agent.heard, [
      `RequestInput ${SERVICE_PATH} Username,Password`,
      `RequestBrowser ${SERVICE_PATH} https://status.example/welcome?a=1&b=2`,
    ]);

    // Refused: the checks go on, the user is left alone, and the way may open by itself.
    await portal.capture('html');
    const since = performance.now();
    await portal.asked('captured');
    await portal.release();
    await cell.log.wait('online', isOnline, { since });
    assert.is(agent.heard.length, 2);

    await unplug(cell);
    await portal.capture('html');
    agent.heard.length = 0;
    agent.onBrowser = async () => portal.release();
    const again = await plug(cell);
    await cell.log.wait('online', isOnline, { since: again });
    assert.equal(agent.heard, [`RequestBrowser ${SERVICE_PATH} http://ipv4.connman.net/online/status.html`]);

    // One who says at once that he has been, and has not, is not asked without end.
    await unplug(cell);
    await portal.capture('html');
    agent.onBrowser = () => Promise.resolve();
    agent.heard.length = 0;
    await plug(cell);
    await eventually('five checks', () => portal.requests.filter(({ name }) => name === 'captured').length >= 5);
    assert.is(agent.heard.length, 1);

    // Nobody is there to be asked, then somebody is.
    await unplug(cell);
    const manager = bus.proxy(managerInterface, 'net.connman', '/');
    await manager.UnregisterAgent({ path: '/agent' });
    await portal.capture('html');
    agent.heard.length = 0;
    await plug(cell);
    await eventually('a check', () => portal.requests.length >= 2);
    await manager.RegisterAgent({ path: '/agent' });
    await agent.asked('RequestBrowser');

    // The question is withdrawn with the cable.
    await unplug(cell);
    await portal.capture('html');
    agent.onBrowser = () => new Promise(() => undefined);
    agent.heard.length = 0;
    await plug(cell);
    await agent.asked('RequestBrowser');
    cell.cable().unplug();
    await agent.asked('Cancel');
  }));

test('what hostile portals send ends in a browser or in nothing, and the daemon goes on', () =>
  withPortal({}, async ({ cell, portal, agent }) => {
    agent.onBrowser = () => refuse('Canceled');
    agent.onInput = () => refuse('Canceled');
    for (const mode of ['loop', 'bomb', 'nul', 'body', 'headers', 'bytewise']) {
      await portal.capture(mode);
      agent.heard.length = 0;
      await plug(cell);
      await portal.asked('captured');
      if (mode === 'bytewise') await agent.asked('RequestInput');
      else if (mode !== 'nul' && mode !== 'headers') await agent.asked('RequestBrowser');
      assert.is(await stateOf(cell), 'ready', mode);
      await unplug(cell);
    }

    // A reply after the service is gone, and two checks that overtake each other.
    await portal.capture('late');
    await plug(cell);
    await portal.asked('captured');
    await unplug(cell);
    await portal.release();
    const since = await plug(cell);
    await cell.log.wait('online', isOnline, { since });
  }));

test.run();
