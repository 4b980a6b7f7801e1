/**
 * What may sit between a device and the status page: a web server on port 80 (and, with TLS, 443)
 * that does what the path says, byte by byte. Arguments: a file with certificate and key, the
 * address. Prints `listening`, then each request as JSON.
 */

import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

const [pem = '', address = ''] = process.argv.slice(-2);

const HEADERS = 'X-ConnMan-Status: online\r\nX-ConnMan-Client-IP: 10.9.0.1\r\nContent-Length: 3\r\n';
const OK = `HTTP/1.1 200 OK\r\n${HEADERS}\r\nok\n`;
const redirect = (status: number, location: string): string =>
  `HTTP/1.1 ${status} Elsewhere\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`;

const REPLIES: Readonly<Record<string, string>> = {
  '/online/status.html': OK,
  '/portal': 'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<h1>Log in</h1>',
  '/moved': redirect(301, '/online/status.html'),
  '/login': redirect(302, 'http://portal.test/login?from=1'),
  '/to-portal': redirect(307, `http://${address}/portal`),
  '/to-nowhere': redirect(302, `http://${address}:81/portal`),
  '/to-file': redirect(302, 'file:///etc/passwd'),
  '/loop': redirect(302, '/loop'),
  '/no-location': 'HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n',
  '/informed': `HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n${OK}`,
  '/upgraded': 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\nConnection: Upgrade\r\n\r\n',
  '/garbage': 'SSH-2.0-OpenSSH_9.2\r\n',
  '/nul': 'HTTP/1.1 200 OK\r\nX-ConnMan-\0Status: online\r\n\r\n',
  '/bare-lf': 'HTTP/1.1 200 OK\nX-ConnMan-Status: online\n\n',
  '/endless-header': `HTTP/1.1 200 OK\r\nX-Filler: ${'x'.repeat(1_000_000)}\r\n\r\n`,
};

function serve(socket: Socket): void {
  socket.on('error', () => undefined);
  let request = '';
  socket.on('data', (chunk) => {
    request += chunk.toString('latin1');
    if (!request.endsWith('\r\n\r\n')) return;
    console.log(JSON.stringify(request));
    answer(socket, request.split(' ')[1] ?? '');
  });
}

function answer(socket: Socket, path: string): void {
  const status = /^\/status\/(\d+)$/.exec(path)?.[1];
  if (status !== undefined) socket.end(`HTTP/1.1 ${status} Told\r\nContent-Length: 0\r\n\r\n`);
  else if (path === '/silent') socket.setTimeout(0);
  else if (path === '/closed') socket.end();
  else if (path === '/reset') socket.resetAndDestroy();
  else if (path === '/half') socket.end(OK.slice(0, 40));
  else if (path === '/bytewise') bytewise(socket, OK);
  else if (path === '/endless-body') endless(socket);
  else socket.end(REPLIES[path] ?? OK);
}

function bytewise(socket: Socket, text: string): void {
  socket.setNoDelay(true);
  const next = (at: number): void => {
    if (at === text.length) socket.end();
    else socket.write(text.charAt(at), () => setImmediate(next, at + 1));
  };
  next(0);
}

function endless(socket: Socket): void {
  socket.write('HTTP/1.1 200 OK\r\n\r\n');
  const more = (): void => {
    while (!socket.destroyed && socket.write('x'.repeat(65_536)));
  };
  socket.on('drain', more);
  more();
}

const secret = readFileSync(pem, 'utf8');
const withTls = createTlsServer({ cert: secret, key: secret }, serve).on('tlsClientError', () => undefined);
const plainOnTlsPort = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
createServer(serve).listen(80, address, () => {
  withTls.listen(443, address, () => {
    plainOnTlsPort.listen(8443, address, () => console.log('listening'));
  });
});
