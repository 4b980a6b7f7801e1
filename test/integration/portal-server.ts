/**
 * A captive portal over both families: port 8080 gets whatever the device asks for on port 80 (nft(8)
 * sees to that), 443 has the login, the portal's API and, in other modes, all that hostile portals do. Logging in takes
 * the nft rules away. Also an HTTP proxy on 3128. Arguments: certificate and key, address. Modes come
 * on standard input, a line each; requests go out as JSON, a line each.
 */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { createInterface } from 'node:readline';

const [pem = '', address = ''] = process.argv.slice(-2);
const PORTAL = 'status.example';
let mode = 'wispr';
let polls = 0;

const xml = (kind: string, elements: Readonly<Record<string, string | number>>): string => {
  const inner = Object.entries(elements).map(([name, value]) => `<${name}>${value}</${name}>`).join('\n');
  return `<html><head><title>Welcome</title></head><body>Log in, please.
<!--
<?xml version="1.0" encoding="UTF-8"?>
<WISPAccessGatewayParam xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="x.xsd">
<${kind}>
${inner}
</${kind}>
</WISPAccessGatewayParam>
-->
</body></html>`;
};

const reply = (status: number, headers: readonly string[], body = ''): string =>
  [`HTTP/1.1 ${status} Told`, ...headers, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n');
const page = (body: string): string => reply(200, ['Content-Type: text/html'], body);
const redirect = (url: string, body = ''): string => reply(302, [`Location: ${url}`, 'Content-Type: text/html'], body);
const verdict = (type: number, code: number, more: Readonly<Record<string, string | number>> = {}): string =>
  page(xml(type === 120 ? 'AuthenticationReply' : 'AuthenticationPollReply', {
    MessageType: type, ResponseCode: code, ...more,
  }));

function open(): void {
  execFileSync('nft', ['flush', 'ruleset']);
}

/** Everything through the proxy, once names and addresses are what they should be. */
const PAC = `function FindProxyForURL(url, host) {
  if (isInNet(dnsResolve(host), "10.77.0.0", "255.255.240.0") && isInNet(myIpAddress(), "10.77.0.0", "255.255.240.0"))
    return "PROXY ${address}:3128";
  return "PROXY nowhere.example:1";
}`;

/** Only the portal is behind a proxy. */
const PORTAL_PAC = `function FindProxyForURL(url, host) {
  return shExpMatch(url, "https://${PORTAL}/*") ? "PROXY ${address}:3128" : "DIRECT";
}`;

/** What answers in place of the world. */
function captured(path: string): string {
  switch (mode) {
    case 'wispr':
      if (path === '/next') return redirect(`https://${PORTAL}/welcome?a=1&b=2`);
      return page(xml('Proxy', { MessageType: 110, ResponseCode: 200, NextURL: `http://${PORTAL}/next`, Delay: 0 }));
    case 'wispr-proxy':
      return path.endsWith('.pac') ? page(PORTAL_PAC) : redirect(`https://${PORTAL}/welcome`);
    case 'loop':
      return redirect(`http://${PORTAL}/again${path}`.slice(0, 300));
    case 'bomb':
      return page(`<WISPAccessGatewayParam>${'<a>'.repeat(2_000_000)}`);
    case 'pac':
      return /\.(pac|dat)$/.test(path) ? page(PAC) : page('<h1>Not this way</h1>');
    default:
      return page('<html><h1>Buy time</h1></html>');
  }
}

/** What the portal itself answers. */
function portal(method: string, path: string, body: string): string {
  if (path.startsWith('/welcome')) {
    return page(xml('Redirect', {
      AccessProcedure: '1.0', AccessLocation: '12', LocationName: 'Lobby',
      LoginURL: `<![CDATA[https://${PORTAL}/login?x=1&y=2]]>`, AbortLoginURL: `https://${PORTAL}/abort`,
      MessageType: 100, ResponseCode: 0,
    }));
  }
  if (path.startsWith('/login') && method === 'POST') {
    const form = new URLSearchParams(body);
    if (form.get('Password') !== 'o pen&') return verdict(120, 100, { ReplyMessage: 'Unknown &lt;guest&gt;' });
    return redirect(`https://${PORTAL}/result`);
  }
  if (path === '/result') {
    return verdict(120, 201, { LoginResultsURL: `https://${PORTAL}/poll`, Delay: 1 });
  }
  if (path === '/poll') {
    if (++polls < 2) return verdict(140, 201, { Delay: 1, LogoffURL: `https://${PORTAL}/logoff` });
    open();
    return verdict(140, 50, { LogoffURL: `https://${PORTAL}/logoff` });
  }
  if (path === '/api') {
    const state = mode === 'api'
      ? { captive: true, 'user-portal-url': `https://${PORTAL}/buy`, 'can-extend-session': true }
      : { captive: false, 'seconds-remaining': 3600 };
    return reply(200, ['Content-Type: application/captive+json'], JSON.stringify(state));
  }
  if (path === '/status') return reply(200, ['X-ConnMan-Status: online']);
  return page('<h1>portal</h1>');
}

function serve(answer: (method: string, path: string, body: string) => string, name: string) {
  return (socket: Socket): void => {
    socket.on('error', () => undefined);
    let request = '';
    socket.on('data', (chunk) => {
      request += chunk.toString('latin1');
      const [head = '', body] = request.split('\r\n\r\n', 2);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (body === undefined || body.length < length) return;
      request = '';
      const [method = '', path = ''] = head.split(' ');
      const host = /\r\nhost: (\S+)/i.exec(head)?.[1] ?? '';
      console.log(JSON.stringify({ name, method, path, body, host, client: socket.remoteAddress }));
      if (name === 'captured' && isHostile(socket)) return;
      socket.end(answer(method, path, body));
    });
  };
}

/** Hostile replies go out by themselves. */
function isHostile(socket: Socket): boolean {
  const welcome = page(xml('Redirect', { MessageType: 100, ResponseCode: 0, LoginURL: `https://${PORTAL}/login` }));
  switch (mode) {
    case 'nul':
      socket.end('HTTP/1.1 200 OK\r\nX-\0A: b\0\r\n\0\r\n\r\n<WISPAccessGatewayParam>\0');
      return true;
    case 'headers':
      return forever(socket, 'HTTP/1.1 200 OK\r\n', `X-Filler: ${'x'.repeat(1000)}\r\n`);
    case 'body':
      return forever(socket, 'HTTP/1.1 200 OK\r\n\r\n<WISPAccessGatewayParam>', '<MessageType>'.repeat(1000));
    case 'bytewise':
      bytewise(socket, welcome);
      return true;
    case 'silent':
      return true;
    case 'late':
      setTimeout(() => socket.end(welcome), 3000);
      return true;
    default:
      return false;
  }
}

function forever(socket: Socket, first: string, more: string): boolean {
  socket.write(first);
  const push = (): void => {
    while (!socket.destroyed && socket.write(more));
  };
  socket.on('drain', push);
  push();
  return true;
}

function bytewise(socket: Socket, text: string): void {
  socket.setNoDelay(true);
  const next = (at: number): void => {
    if (at === text.length) socket.end();
    else socket.write(text.charAt(at), () => setImmediate(next, at + 1));
  };
  next(0);
}

/** A proxy as web browsers use one: whole URLs, and CONNECT. */
function proxy(socket: Socket): void {
  socket.on('error', () => undefined);
  socket.once('data', (chunk) => {
    const [method = '', target = ''] = chunk.toString('latin1').split(' ');
    const { remoteAddress: client } = socket;
    console.log(JSON.stringify({ name: 'proxy', method, path: target, body: '', host: '', client }));
    const url = method === 'CONNECT' ? undefined : new URL(target);
    const far = connect(Number(url?.port ?? target.split(':')[1]) || 80, address, () => {
      if (url === undefined) socket.write('HTTP/1.1 200 Connected\r\n\r\n');
      else far.write(chunk.toString('latin1').replace(url.origin, ''), 'latin1');
      far.pipe(socket).pipe(far);
    });
    far.on('error', () => socket.destroy());
  });
}

createInterface({ input: process.stdin }).on('line', (line) => {
  mode = line;
  polls = 0;
  console.log(`mode ${line}`);
});
const secret = readFileSync(pem, 'utf8');
const doors = [
  { port: 8080, open: () => createServer(serve((_, path) => captured(path), 'captured')) },
  { port: 443, open: () => createTlsServer({ cert: secret, key: secret }, serve(portal, 'portal')) },
  { port: 3128, open: () => createServer(proxy) },
];
let awaited = 0;
for (const { port, open: make } of doors) {
  for (const options of [{ port, host: address }, { port, host: '::', ipv6Only: true }]) {
    awaited++;
    const server = make().on('tlsClientError', () => undefined);
    server.listen(options, () => {
      if (--awaited === 0) console.log('listening');
    });
  }
}
